#!/usr/bin/python3
"""Talks to a helper's control socket as a process of the session would, or worse.

    peer.py PID-OF-A-SERVER WHAT [COUNT]

The socket's name is read from the environment of that server. WHAT is one of:

    silent     COUNT connections that say nothing, held until stdin ends
    garbage    COUNT messages of every wrong size and content
    kinds      every kind of message, known or not, each with this and with wrong generations
    passing    COUNT messages that pass descriptors with what is no message, or too many of them
    listener   a listener that nobody asked for
    hangup     COUNT connections that are closed in the middle of an exchange
    connect    a connection: prints "accepted" or "refused", by whether a question is answered
    signal     once the file `go` is there, SIGKILL for the peer's generation, by the uid 65534;
    meddle     for the next generation, by root: both print "answered" or "dropped"
    opener     a listener, and another socket once the file `go` is there; prints its pid then
    chatter    the same, and says that it has counted its sockets, again and again
    flood      connections by the uid 65534, as many as it can make, for COUNT seconds
    crowd      COUNT connections, and one more; prints which of them are dropped
    orphan     once the file `go` is there, an orphan of the uid 65534 whose environment names the next
               generation, and which binds the TCP port $PORT and the unix listener `socket`: prints
               "robbed", "answered" or "dropped", by what it gets as one of that generation
    short      once the file `go` is there, a question by a child that ends then; prints its pid
    heir       binds these at once, by the uid 65534: prints the same
    hasty      the same as orphan, but says WAITING, BOUND and others for that generation; prints "said" then
    secret     questions with a wrong secret: prints how many are answered, and whether the right one is
    every      a message of each kind there may be, but those that end or change the service; prints how
               many are answered
    every-stranger  every kind, by the uid 65534
    lingering  COUNT sockets that take 1,000 s to close, each in a message of its own, by the uid 65534,
               to the control socket and to that for notices; prints "sent", and stays
    other      COUNT connections by the uid 65534, each with a question; prints how many answers
"""
import os
import random
import re
import socket
import struct
import sys
import time

import linger

# struct message of preload/wire/protocol.h, and the struct listener_key in it
MAGIC, VERSION = 0x7F707265, 3
HEAD = struct.Struct("=IHH16sIiiiIIQ")
KEY = struct.Struct("=iiiiI128s16s")
DEMANDS = 128  # the first kind of a command, which knows no secret


def session(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        for entry in file.read().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == b"TFPRELOAD_SESSION":
                return value.decode().split("/")
    sys.exit("no session in the environment of that process")


PARTS = session(sys.argv[1])
NAME, GENERATION, SIGNAL, SECRET = PARTS[1], PARTS[2], PARTS[4], bytes.fromhex(PARTS[7])
GENERATION = int(GENERATION)
SIZE = int(os.environ["MESSAGE_SIZE"])


def read_kinds():
    """{"BIND": 1, …}, as the compiler would number them."""
    with open(os.environ["PROTOCOL"], encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    body = re.search(r"enum message_kind \{(.*?)\}", text, re.S).group(1)
    kinds, number = {}, 0
    for name, _, value in re.findall(r"MESSAGE_(\w+)\s*(=\s*(\d+))?", body):
        number = int(value) if value else number + 1
        kinds[name] = number
    return kinds


KINDS = read_kinds()


def connect():
    """Waits like a blocking connect(2) while the helper's queue is full, but not for ever."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end = time.monotonic() + 20
    while True:
        try:
            peer.settimeout(20)
            peer.connect(b"\0tfpreload-" + NAME.encode())
            return peer
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def message(kind, generation=GENERATION, magic=MAGIC, version=VERSION, error=0, inode=0, fill=0, number=0, secret=SECRET):
    head = HEAD.pack(magic, version, kind, secret, generation, error, 0, 0, 0, number, inode)
    return head + bytes([fill]) * (SIZE - len(head))


def with_key(kind, inode=0, port=0, generation=GENERATION):
    """A message that holds all it should: a listener on 127.0.0.1."""
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4B", port, 127, 0, 0, 1)
    key = KEY.pack(socket.AF_INET, socket.SOCK_STREAM, 6, 0, len(address), address, b"")
    return (message(kind, generation, inode=inode)[: HEAD.size] + key).ljust(SIZE, b"\0")


def send(peer, data, descriptors=()):
    try:
        if descriptors:
            socket.send_fds(peer, [data], descriptors)
        else:
            peer.send(data)
    except OSError:  # dropped meanwhile
        pass


def answer(peer):
    try:
        return peer.recv(4096)
    except OSError:
        return b""


def kind_of(data):
    return struct.unpack_from("=IHH", data)[2]


def silent(count):
    peers = [connect() for _ in range(count)]
    print("connected", flush=True)
    sys.stdin.read()
    for peer in peers:
        peer.close()


def garbage(count):
    noise = random.Random(4711)
    for i in range(count):
        peer = connect()
        size = noise.choice([0, 1, 4, 8, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 4096, 60000])
        data = bytearray(noise.randbytes(size))
        if i % 3 == 0 and size >= 28:  # right at the beginning, and only there
            struct.pack_into("=IHH16sI", data, 0, MAGIC, VERSION, KINDS["BIND"], SECRET, GENERATION)
        send(peer, bytes(data))
        if i % 5 == 0:
            send(peer, bytes(data))
        peer.close()
    versions = (0, VERSION - 1, VERSION + 1, 65535)
    for wrong in [dict(magic=1)] + [dict(version=version) for version in versions]:
        peer = connect()
        send(peer, message(1, **wrong))
        assert answer(peer) == b"", f"an answer to {wrong}"


def kinds(_):
    for kind in list(range(0, 80)) + [255, 65535]:
        if kind == KINDS["UPGRADE"]:  # which is what one would get
            continue
        for generation in (GENERATION, 0, GENERATION + 1, GENERATION + 1000, 0xFFFFFFFF):
            for body in (dict(), dict(error=22), dict(inode=255), dict(number=17), dict(fill=0xFF),
                         dict(error=255, inode=255, fill=0xFF)):
                peer = connect()
                send(peer, message(kind, generation, **body))
                peer.close()
            peer = connect()
            send(peer, with_key(kind, 255, generation=generation))
            peer.close()


def passing(count):
    file = os.open("/dev/null", os.O_RDONLY)
    for i in range(count):
        peer = connect()
        send(peer, b"x" * (1 + i % SIZE), [file])
        peer.close()
        for descriptors in ([file], [file] * 2, [file] * 3, [file] * 200):
            for kind in [kind for kind in KINDS.values() if kind != KINDS["UPGRADE"]] + [63, 77]:
                peer = connect()
                send(peer, message(kind), descriptors)
                peer.close()


def listener(_):
    with socket.create_server(("127.0.0.1", 0)) as mine:
        inode, port = os.fstat(mine.fileno()).st_ino, mine.getsockname()[1]
        for data in (with_key(KINDS["LISTENER"], inode, port),
                     message(KINDS["LISTENER"], inode=inode, fill=1)):
            peer = connect()
            send(peer, data, [mine.fileno()])
            send(peer, message(KINDS["COLLECTED"]))
            answer(peer)


def hangup(count):
    kinds = [kind for name, kind in KINDS.items() if name != "UPGRADE"]
    for i in range(count):
        peer = connect()
        send(peer, message(kinds[i % len(kinds)]))
        peer.close()


def ask():
    """Any question that is answered: a bind that nobody has anything for."""
    try:
        peer = connect()
    except OSError:
        return b""
    send(peer, with_key(KINDS["BIND"]))
    return answer(peer)


def try_to_connect(_):
    print("accepted" if ask() else "refused")


def secret(_):
    wrong = [bytes(16), SECRET[:-1] + bytes([SECRET[-1] ^ 1]), bytes([SECRET[0] ^ 0x80]) + SECRET[1:],
             SECRET[::-1], b"\xff" * 16]
    answered = 0
    for one in wrong:
        data = bytearray(with_key(KINDS["BIND"]))
        data[8:24] = one
        with connect() as peer:
            send(peer, bytes(data))
            answered += bool(answer(peer))
    print(f"{answered} of {len(wrong)}, then", "answered" if ask() else "dropped", flush=True)


def drop_root():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def wait_for_go():
    parent = os.getppid()
    while not os.path.exists("go") and os.getppid() == parent:
        time.sleep(0.02)


def opener(_, says=False):
    parent = os.getppid()
    with socket.create_server(("127.0.0.1", 0)):
        wait_for_go()
        with socket.socket():
            print(os.getpid(), flush=True)
            while os.getppid() == parent:
                time.sleep(0.05)
                if says:
                    with connect() as peer:
                        send(peer, message(KINDS["COUNTED"]))


def chatter(_):
    opener(_, True)


def signal_generation(generation):
    os.setpgid(0, 0)  # out of the group: this process is not signalled itself
    wait_for_go()
    peer = connect()
    send(peer, message(KINDS["SIGNAL_GROUP"], generation, number=9))
    print("answered" if answer(peer) else "dropped", flush=True)


def signal_own(_):
    drop_root()
    signal_generation(GENERATION)


def meddle(_):
    signal_generation(GENERATION + 1)


def become_orphan(what):
    """What the environment says is what the program was executed with: so it is executed again."""
    wait_for_go()
    parts = session(sys.argv[1])
    parts[2] = str(GENERATION + 1)
    drop_root()
    os.environ["TFPRELOAD_SESSION"] = "/".join(parts)
    os.execv(sys.argv[0], [sys.argv[0], "self", what])


def orphan(_):
    become_orphan("orphaned")


def hasty(_):
    become_orphan("hastened")


def key(family, protocol, address):
    return KEY.pack(family, socket.SOCK_STREAM, protocol, 0, len(address), address, b"")


def keys_of_service():
    """As the library would name them: a unix socket is its file."""
    port = struct.pack("=H", socket.AF_INET) + struct.pack("!H4B", int(os.environ["PORT"]), 127, 0, 0, 1)
    file = os.stat("socket")
    path = struct.pack("=HB5xQQ", socket.AF_UNIX, 1, file.st_dev, file.st_ino)
    return key(socket.AF_INET, socket.IPPROTO_TCP, port), key(socket.AF_UNIX, 0, path)


def take(the_key):
    try:
        peer = connect()
    except OSError:
        return "dropped"
    send(peer, (message(KINDS["BIND"])[: HEAD.size] + the_key).ljust(SIZE, b"\0"))
    try:
        data, descriptors, _, _ = socket.recv_fds(peer, 4096, 4)
    except OSError:
        data, descriptors = b"", []
    return "robbed" if descriptors else "answered" if data else "dropped"


def take_listeners():
    """It keeps what it gets, as a thief would."""
    got = {take(the_key) for _ in range(10) for the_key in keys_of_service()}
    print(*sorted(got), flush=True)


def heir(_):
    drop_root()
    take_listeners()


def leave_parent():
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        time.sleep(0.01)


def orphaned(_):
    leave_parent()
    take_listeners()


def hastened(_):
    leave_parent()
    for kind in ("WAITING", "LISTENING", "BOUND", "COLLECTED", "RETIRED"):
        with connect() as peer:
            send(peer, message(KINDS[kind]))
            answer(peer)
    print("said", flush=True)


def short(_):
    wait_for_go()
    child = os.fork()
    if child == 0:
        ask()
        os._exit(0)
    os.waitpid(child, 0)
    print(child, flush=True)


def flood(seconds):
    drop_root()
    address, end = b"\0tfpreload-" + NAME.encode(), time.monotonic() + seconds
    print("flooding", flush=True)
    while time.monotonic() < end:
        for _ in range(1000):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as peer:
                try:
                    peer.connect(address)
                except OSError:  # the queue is full
                    pass


def is_answered(kind):
    """By a word, or by a descriptor."""
    with connect() as peer:
        if kind < DEMANDS:
            send(peer, message(kind))
        else:
            send(peer, message(kind, 0, secret=bytes(16)))
        try:
            data, descriptors, _, _ = socket.recv_fds(peer, 65536, 4)
        except OSError:
            return False
        for descriptor in descriptors:
            os.close(descriptor)
        return bool(data or descriptors)


def ask_all(kinds_of_messages):
    answered = [kind for kind in kinds_of_messages if is_answered(kind)]
    print(len(answered), "of", len(kinds_of_messages), "answered", flush=True)


def every(_):
    ask_all([DEMANDS, DEMANDS + 4])  # DEMAND_STATUS, DEMAND_SUMMARY


def every_stranger(_):
    drop_root()
    ask_all(range(256))


def lingering(count):
    with open(f"/proc/{sys.argv[1]}/environ", "rb") as file:
        notices = re.search(rb"\0NOTIFY_SOCKET=@([^\0]*)", b"\0" + file.read())
    drop_root()
    left = []
    for _ in range(count):
        mine, theirs = linger.open_lingering()
        left.append(theirs)
        with connect() as peer:
            send(peer, b"x", [mine.fileno()])
        mine.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            mine, theirs = linger.open_lingering()
            left.append(theirs)
            if notices:
                sender.connect(b"\0" + notices[1])
                send(sender, b"X=1", [mine.fileno()])
            mine.close()
    print("sent", bool(notices), flush=True)
    time.sleep(600)


def crowd(count):
    """Whoever says nothing for two seconds is dropped for that: do it again on a busy machine."""
    for _ in range(10):
        start = time.monotonic()
        peers = [connect() for _ in range(count)]
        ask()  # the helper has come to all of them then
        for peer in peers:
            send(peer, with_key(KINDS["BIND"]))
        dropped = [i for i, peer in enumerate(peers) if not answer(peer)]
        for peer in peers:
            peer.close()
        if time.monotonic() - start < 1.5:
            break
    print(*dropped)


def other(count):
    drop_root()
    print(sum(1 for _ in range(count) if ask()))


ACTIONS = {"silent": silent, "garbage": garbage, "kinds": kinds, "passing": passing,
           "listener": listener, "hangup": hangup, "connect": try_to_connect,
           "signal": signal_own, "orphan": orphan, "orphaned": orphaned,
           "short": short, "hasty": hasty, "heir": heir, "hastened": hastened,
           "meddle": meddle, "flood": flood, "lingering": lingering, "every": every, "every-stranger": every_stranger, "opener": opener,
           "chatter": chatter, "other": other, "secret": secret, "crowd": crowd}
if __name__ == "__main__":
    ACTIONS[sys.argv[2]](int(sys.argv[3]) if len(sys.argv) > 3 else 1)

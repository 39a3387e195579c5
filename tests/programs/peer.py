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
    other      COUNT connections by the uid 65534, each with a question; prints how many answers
"""
import os
import random
import re
import socket
import struct
import sys
import time

# struct message of preload/protocol.h
MAGIC, VERSION = 0x7F707265, 1
HEAD = struct.Struct("=IHHIiiiIIQ")


def session(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        for entry in file.read().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == b"TFPRELOAD_SESSION":
                return value.decode().split("/")
    sys.exit("no session in the environment of that process")


_, NAME, GENERATION, _, SIGNAL = (session(sys.argv[1]) + [""] * 5)[:5]
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


def message(kind, generation=GENERATION, magic=MAGIC, version=VERSION, error=0, inode=0, fill=0, number=0):
    head = HEAD.pack(magic, version, kind, generation, error, 0, 0, 0, number, inode)
    return head + bytes([fill]) * (SIZE - len(head))


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
        if i % 3 == 0 and size >= 12:  # right at the beginning, and only there
            struct.pack_into("=IHHI", data, 0, MAGIC, VERSION, KINDS["BIND"], GENERATION)
        send(peer, bytes(data))
        if i % 5 == 0:
            send(peer, bytes(data))
        peer.close()
    for wrong in (dict(magic=1), dict(version=0), dict(version=2), dict(version=65535)):
        peer = connect()
        send(peer, message(1, **wrong))
        assert answer(peer) == b"", f"an answer to {wrong}"


def kinds(_):
    for kind in list(range(0, 80)) + [255, 65535]:
        if kind == KINDS["UPGRADE"]:  # which is what one would get
            continue
        for generation in (GENERATION, 0, GENERATION + 1, GENERATION + 1000, 0xFFFFFFFF):
            for fill in (0, 0xFF):
                peer = connect()
                send(peer, message(kind, generation, error=fill, inode=fill, fill=fill))
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
    for fill in (0, 1):
        with socket.create_server(("127.0.0.1", 0)) as mine:
            inode = os.fstat(mine.fileno()).st_ino
            peer = connect()
            send(peer, message(KINDS["LISTENER"], inode=inode, fill=fill), [mine.fileno()])
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
    send(peer, message(KINDS["BIND"]))
    return answer(peer)


def try_to_connect(_):
    print("accepted" if ask() else "refused")


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


def crowd(count):
    """Whoever says nothing for two seconds is dropped for that: do it again on a busy machine."""
    for _ in range(10):
        start = time.monotonic()
        peers = [connect() for _ in range(count)]
        ask()  # the helper has come to all of them then
        for peer in peers:
            send(peer, message(KINDS["BIND"]))
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
           "signal": signal_own, "meddle": meddle, "flood": flood, "opener": opener,
           "chatter": chatter, "other": other, "crowd": crowd}
ACTIONS[sys.argv[2]](int(sys.argv[3]) if len(sys.argv) > 3 else 1)

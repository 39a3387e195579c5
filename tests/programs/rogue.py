#!/usr/bin/python3
"""A process of a session that has been taken over, with the user nobody's privileges.

    rogue.py PID-OF-A-SERVER WHAT [ARGUMENT]

It takes orders, as a server's process does (without the library, which would take them for it), and
answers them with what it likes. WHAT is one of:

    packet     hands over a socket as one of the family AF_PACKET, and asks for what a retired one
               gets in its place: prints the family of that, or "none"
    stolen     hands over a listener of its own as that of the service, which is on port ARGUMENT
    squat      listens on port ARGUMENT, and hands that over
    errno      is asked for its listeners, has none, and says that it cannot list them; and says so
               unasked as well, again and again
    asks       once the file `go` is there, says that somebody sent it the upgrade signal, and that it
               is not known who: prints the kind of the answer, or "dropped"
    empty      once `go` is there, 4,096 messages of no length, with a descriptor each: prints "sent"
    flood      once `go` is there, whatever it can think of, ARGUMENT messages: prints "sent", and ends
    crowd      ARGUMENT connections at once: prints how many of them are left after one more
    endless    one connection and messages without an end: prints "slowed" if the later ones, which
               are fewer, take longer than a second, else "not slowed"
    peers      once `go` is there, says ARGUMENT times, twenty at once, that it has a new datagram peer:
               prints how many of that are answered
    setuid     becomes the set-user-ID program ./sleeper, while its child asks in its name what /proc
               has of it: prints "read" or "nothing"
    capable    the same with ./sleeper that has capabilities by its file: capabilities(7)
    proc       in a chroot, asks what /proc has of it, in every way: prints "read" if a descriptor
               that it gets leads to the file /etc/passwd, else "nothing" and how many it got
"""
import os
import random
import signal
import socket
import struct
import sys
import time

import peer

HEAD = peer.HEAD.size
POSITION = 40
KEY = struct.Struct("=iiiiI128s16s")


def key(family, kind, protocol, port):
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton("127.0.0.1")
    return KEY.pack(family, kind, protocol, 0, 8, address, b"")


def tell(kind, the_key=b"", passed=None, inode=0, error=0):
    connection = peer.connect()
    data = bytearray(peer.message(peer.KINDS[kind], inode=inode, error=error))
    data[HEAD : HEAD + len(the_key)] = the_key
    peer.send(connection, bytes(data), [passed] if passed is not None else [])
    return connection


def hand_over(mine, the_key):
    """Now, and whenever an order comes."""
    def obey(*_):
        connection = tell("LISTENER", the_key, mine.fileno(), os.fstat(mine.fileno()).st_ino)
        peer.send(connection, peer.message(peer.KINDS["COLLECTED"]))
        tell("COLLECTED").close()  # where that connection has been closed for what it said
        tell("RETIRED").close()
        connection.close()
    signal.signal(signal.SIGURG, obey)


def packet():
    mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mine.bind(("127.0.0.1", 0))
    the_key = key(socket.AF_PACKET, socket.SOCK_DGRAM, 0, mine.getsockname()[1])
    hand_over(mine, the_key)
    print("obeys", flush=True)
    peer.wait_for_go()
    connection = tell("LISTEN", the_key, inode=os.fstat(mine.fileno()).st_ino)
    connection.settimeout(20)
    _, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
    families = [socket.socket(fileno=fd).family.name for fd in descriptors]
    print(*(families or ["none"]), flush=True)


def stolen():
    mine = socket.create_server(("127.0.0.1", 0))
    hand_over(mine, key(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, int(sys.argv[3])))
    print("obeys", flush=True)


def squat():
    port = int(sys.argv[3])
    mine = socket.create_server(("127.0.0.1", port))
    hand_over(mine, key(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, port))
    print("obeys", flush=True)


def say_errno():
    tell("COLLECTED", error=5).close()


def errno():
    signal.signal(signal.SIGURG, lambda *_: say_errno())
    print("obeys", flush=True)
    while os.getppid() == parent:
        say_errno()
        time.sleep(0.01)


def asks():
    peer.wait_for_go()
    data = peer.answer(tell("UPGRADE"))
    print(peer.kind_of(data) if data else "dropped", flush=True)


def empty():
    print("waits", flush=True)
    peer.wait_for_go()
    null = os.open("/dev/null", os.O_RDONLY)
    for _ in range(4096):
        with peer.connect() as connection:
            socket.send_fds(connection, [b""], [null])
    print("sent", flush=True)


def is_connected(connection):
    connection.setblocking(False)
    try:
        return bool(connection.recv(4096))
    except BlockingIOError:
        return True
    except OSError:
        return False


def crowd():
    """Whoever says nothing for two seconds is dropped for that: do it again on a busy machine."""
    for _ in range(10):
        start = time.monotonic()
        connections = [peer.connect() for _ in range(int(sys.argv[3]))]
        peer.ask()  # the helper has come to all of them then
        left = sum(map(is_connected, connections))
        for connection in connections:
            connection.close()
        if time.monotonic() - start < 1.5:
            break
    print("left", left, flush=True)


def endless():
    data = bytearray(peer.message(peer.KINDS["SOCKETS"]) + bytes(56))
    struct.pack_into("=I", data, peer.SIZE - 4, 1)
    connection = peer.connect()
    for _ in range(8192):
        connection.send(data)
    start = time.monotonic()
    for _ in range(6400):
        connection.send(data)
    print("slowed" if time.monotonic() - start > 1 else "not slowed", flush=True)
    while os.getppid() == parent:
        connection.send(data)


def peers():
    peer.wait_for_go()
    answered = 0
    for _ in range(int(sys.argv[3]) // 20):
        told = [tell("PEER", inode=4711) for _ in range(20)]
        answered += sum(bool(peer.answer(connection)) for connection in told)
    print("answered", answered, flush=True)


def flood():
    peer.wait_for_go()
    noise, null = random.Random(4711), os.open("/dev/null", os.O_RDONLY)
    kinds = [kind for name, kind in peer.KINDS.items() if name not in ("WAITING", "LISTENING")]
    for i in range(int(sys.argv[3])):
        good = peer.message(noise.choice(kinds), inode=noise.choice([0, 1, 4711]), error=noise.choice([0, 5]))
        data = noise.choice([good, good, good[: noise.randrange(len(good))], b"", good + b"x",
                             noise.randbytes(len(good)), peer.with_key(peer.KINDS["BIND"])])
        with peer.connect() as connection:
            peer.send(connection, data, [null] * noise.choice([0, 0, 1, 3, 60]))
    print("sent", flush=True)
    sys.exit()
def is_of_root(process):
    with open(f"/proc/{process}/status", encoding="utf-8") as status:
        return any(line.split()[:3:2] == ["Uid:", "0"] for line in status)


def has_capabilities(process):
    with open(f"/proc/{process}/status", encoding="utf-8") as status:
        return any(line.startswith("CapPrm:") and int(line.split()[1], 16) for line in status)


def become_sleeper(has_become):
    connection = peer.connect()
    process = os.getpid()
    if os.fork():
        os.execv("sleeper", ["sleeper", "600"])
    while not has_become(process):
        time.sleep(0.01)
    data = bytearray(peer.message(peer.KINDS["PROC"], inode=process))
    struct.pack_into("=I", data, POSITION, 4)  # the system call of a thread, with its arguments
    peer.send(connection, bytes(data))
    connection.settimeout(20)
    print("read" if socket.recv_fds(connection, 4096, 4)[1] else "nothing", flush=True)
    os._exit(0)


def setuid():
    become_sleeper(is_of_root)


def capable():
    become_sleeper(has_capabilities)


def leads_out(descriptor):
    for path in ("etc/passwd", "../../etc/passwd", "root/etc/passwd", "cwd", "exe"):
        try:
            os.close(os.open(path, os.O_RDONLY, dir_fd=descriptor))
            return True
        except OSError:
            pass
    return False


def proc():
    given = 0
    for what in range(8):
        connection = peer.connect()
        data = bytearray(peer.message(peer.KINDS["PROC"]))
        struct.pack_into("=I", data, POSITION, what)
        peer.send(connection, bytes(data))
        connection.settimeout(20)
        for descriptor in socket.recv_fds(connection, 4096, 4)[1]:
            given += 1
            if leads_out(descriptor):
                print("read", flush=True)
                return
    print("nothing", given, flush=True)


parent = os.getppid()
if sys.argv[2] == "proc":
    os.chroot("jail")
    os.chdir("/")
peer.drop_root()
{"packet": packet, "stolen": stolen, "squat": squat, "setuid": setuid, "capable": capable, "proc": proc, "errno": errno, "asks": asks, "empty": empty,
 "flood": flood, "crowd": crowd, "peers": peers, "endless": endless, "none": lambda: None}[sys.argv[2]]()
while os.getppid() == parent:
    time.sleep(0.05)

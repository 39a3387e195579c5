"""listeners.py VERSION-FILE LISTENERS-FILE: a server with a listener for each line of a file.

    tcp HOST PORT [OPTION]...         also mptcp, sctp and udp
    unix PATH [OPTION]...             also seqpacket and datagram

Options: device=NAME, transparent, freebind, mode=OCTAL, uid=N, unlink (before bind), keep (the
path stays when the server ends), join=NAME (of JOINS, after bind), late-device=NAME (after bind).
Prints "generation PID", then "LINE: inode N" for each, with
what it finds set, and answers "VERSION PID TOKEN" to "GET TOKEN". SIGUSR1 closes the last listener
for good.
"""

import os
import selectors
import signal
import socket
import struct
import sys

IP_FREEBIND, IP_TRANSPARENT = 15, 19
KINDS = {
    "tcp": (socket.SOCK_STREAM, 0),
    "mptcp": (socket.SOCK_STREAM, 262),
    "sctp": (socket.SOCK_STREAM, 132),
    "udp": (socket.SOCK_DGRAM, 0),
    "unix": (socket.SOCK_STREAM, 0),
    "seqpacket": (socket.SOCK_SEQPACKET, 0),
    "datagram": (socket.SOCK_DGRAM, 0),
}


def ipv4(address):
    return struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(address))


def ipv6(address):
    return struct.pack("=HHI16sI100x", socket.AF_INET6, 0, 0,
                       socket.inet_pton(socket.AF_INET6, address), 0)


LOOPBACK = struct.pack("=I4x", 1)  # index of the interface
LOOPBACK_ADDRESS = socket.inet_aton("127.0.0.1")
# ip(7), ipv6(7), RFC 3678: level, option, value
JOINS = {
    "IP_ADD_MEMBERSHIP":
        (socket.SOL_IP, 35, socket.inet_aton("239.1.2.3") + LOOPBACK_ADDRESS),
    "IP_ADD_SOURCE_MEMBERSHIP":
        (socket.SOL_IP, 39, socket.inet_aton("232.1.2.4") + 2 * LOOPBACK_ADDRESS),
    "MCAST_JOIN_GROUP": (socket.SOL_IP, 42, LOOPBACK + ipv4("239.1.2.5")),
    "MCAST_JOIN_SOURCE_GROUP":
        (socket.SOL_IP, 46, LOOPBACK + ipv4("232.1.2.6") + ipv4("127.0.0.1")),
    "IPV6_JOIN_GROUP":
        (socket.IPPROTO_IPV6, 20, socket.inet_pton(socket.AF_INET6, "ff01::1:7") + LOOPBACK[:4]),
    "MCAST_JOIN_GROUP_6": (socket.IPPROTO_IPV6, 42, LOOPBACK + ipv6("ff01::1:8")),
    "MCAST_JOIN_SOURCE_GROUP_6":
        (socket.IPPROTO_IPV6, 46, LOOPBACK + ipv6("ff31::1:9") + ipv6("::1")),
}


def set_options(listener, options):
    if listener.type == socket.SOCK_STREAM and listener.family != socket.AF_UNIX:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option in options:
        name, _, value = option.partition("=")
        if name == "device":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, value.encode())
        elif name == "transparent":
            listener.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        elif name == "freebind":
            listener.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)


def bind_path(listener, path, options):
    if "unlink" in options and os.path.lexists(path):
        os.unlink(path)
    listener.bind(path)
    for option in options:
        name, _, value = option.partition("=")
        if name == "mode":
            os.chmod(path, int(value, 8))
        elif name == "uid":
            os.chown(path, int(value), -1)


def open_listener(line):
    kind, address, *options = line.split()
    type_, protocol = KINDS[kind]
    if kind in ("unix", "seqpacket", "datagram"):
        listener = socket.socket(socket.AF_UNIX, type_)
        bind_path(listener, address, options)
    else:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, type_, protocol)
        set_options(listener, options[1:])
        # with the scope id that a name like fe80::1%lo has
        listener.bind(socket.getaddrinfo(address, options[0], family, type_)[0][4])
        for option in options[1:]:
            if option.startswith("join="):
                listener.setsockopt(*JOINS[option[5:]])
            if option.startswith("late-device="):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, option[12:].encode())
    if type_ != socket.SOCK_DGRAM:
        listener.listen(64)
    set_ = "".join(
        f" {name}"
        for name, option in (("transparent", IP_TRANSPARENT), ("freebind", IP_FREEBIND))
        if listener.family == socket.AF_INET and listener.getsockopt(socket.SOL_IP, option)
    )
    print(f"{line}: inode {os.fstat(listener.fileno()).st_ino}{set_}", flush=True)
    return listener


def answer(request):
    return b"%s %d %s\n" % (VERSION.encode(), os.getpid(), request.split()[-1])


def serve(listener):
    if listener.type == socket.SOCK_DGRAM:
        request, client = listener.recvfrom(1000)
        if client:
            listener.sendto(answer(request), client)
        return
    client, _ = listener.accept()
    with client:
        client.setblocking(True)
        request = client.recv(1000)
        if request:
            client.sendall(answer(request))


def end(number, frame):
    for line in LINES:
        kind, path, *options = line.split()
        if kind in ("unix", "seqpacket", "datagram") and "keep" not in options:
            os.unlink(path)
    sys.exit(0)


def close_last(number, frame):
    listener = listeners.pop()
    selector.unregister(listener)
    listener.close()
    print("closed", flush=True)


with open(sys.argv[1], encoding="ascii") as file:
    VERSION = file.read().strip()
with open(sys.argv[2], encoding="ascii") as file:
    LINES = file.read().splitlines()
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGUSR1, close_last)
print(f"generation {os.getpid()}", flush=True)
listeners = [open_listener(line) for line in LINES]
selector = selectors.DefaultSelector()
for each in listeners:
    each.setblocking(False)
    selector.register(each, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        serve(key.fileobj)

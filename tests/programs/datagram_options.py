# A server of datagrams that sets what options there are before it binds, and prints what is set
# once it has bound.
#
#     datagram_options.py PORT PATH VARIANT-FILE
#
# The file says "rich" (all of them), the name of one, or "plain" (none). It serves UDP over IPv4
# and IPv6 on PORT, and a unix socket on PATH. A datagram "PORT" to the first is answered by a
# broadcast to that port, once the file "go" is there.
import os
import select
import signal
import socket
import sys
import time

SOCKET, V4, V6, UDP = socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.IPPROTO_UDP

# By number: Python has names for few. The value is what "rich" sets.
# Of the stamps, the last that is set is in force.
OF_ALL = {
    "new nano": (SOCKET, 64, 1),
    "new stamps": (SOCKET, 63, 1),
    "nano": (SOCKET, 35, 1),
    "stamps": (SOCKET, 29, 1),
    "priority": (SOCKET, 12, 4),  # after the type of service, which changes it
    "timestamping": (SOCKET, 37, 0x18),
    "overflow": (SOCKET, 40, 1),
    "selects errors": (SOCKET, 45, 1),
    "pacing": (SOCKET, 47, 100000),
}
OF_UNIX = {
    "credentials": (SOCKET, 16, 1),
    "security": (SOCKET, 34, 1),
    "pidfd": (SOCKET, 76, 1),
    "no rights": (SOCKET, 83, 0),
}
OF_UDP = {
    "broadcast": (SOCKET, 6, 1),
    "no check": (SOCKET, 11, 1),
    "mark": (SOCKET, 75, 1),
    "gro": (UDP, 104, 1),
    "segment": (UDP, 103, 1000),
    "encapsulation": (UDP, 100, 2),
    "tos": (V4, 1, 0x10),
    "ttl": (V4, 2, 33),
    "sends options": (V4, 4, b"\1\1\1\0"),
    "unicast interface": (V4, 50, 0x01000000),
    "options": (V4, 6, 1),
    "packet info": (V4, 8, 1),
    "errors": (V4, 11, 1),
    "gets ttl": (V4, 12, 1),
    "gets tos": (V4, 13, 1),
    "gets security": (V4, 18, 1),
    "gets address": (V4, 20, 1),
    "least ttl": (V4, 21, 7),
    "fragment size": (V4, 25, 1),
    "multicast interface": (V4, 32, 0x0100007F),
    "multicast ttl": (V4, 33, 5),
    "all multicast": (V4, 49, 0),
}
OF_V6 = {
    "tx check": (UDP, 101, 1),
    "rx check": (UDP, 102, 1),
    "v6 multicast interface": (V6, 17, 1),
    "v6 unicast interface": (V6, 76, 0x01000000),
    "v6 all multicast": (V6, 29, 0),
    "v6 packet info": (V6, 49, 1),
    "v6 gets hop limit": (V6, 51, 1),
    "v6 gets hop options": (V6, 53, 1),
    "v6 gets routing header": (V6, 56, 1),
    "v6 gets options": (V6, 58, 1),
    "v6 gets path mtu": (V6, 60, 1),
    "v6 no fragments": (V6, 62, 1),
    "v6 gets class": (V6, 66, 1),
    "v6 class": (V6, 67, 0x10),
    "v6 least hop limit": (V6, 73, 7),
    "v6 gets address": (V6, 74, 1),
    "v6 fragment size": (V6, 77, 1),
}


def value(sock, level, name):
    try:
        return sock.getsockopt(level, name)
    except OSError as error:
        return error.strerror


def show(kind, sock, options):
    for name, (level, number, _) in options.items():
        print(kind, name, value(sock, level, number))


def set_all(sock, options):
    for name, option in options.items():
        try:
            if option:
                sock.setsockopt(*option)
        except OSError as error:  # an older kernel
            print("cannot set", name, error.strerror)


def answer_late(sock, port):
    if os.fork():
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while not os.path.exists("go"):
        time.sleep(0.02)
    try:
        sock.sendto(b"late", ("127.255.255.255", port))
    except OSError as error:
        print("late answer:", error, file=sys.stderr)
    os._exit(0)


port, path, variant_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
variant = open(variant_file).read().strip()
kinds = [
    ("v4", socket.AF_INET, ("127.0.0.1", port), {**OF_UDP, **OF_ALL}),
    ("v6", socket.AF_INET6, ("::1", port), {**OF_V6, **OF_UDP, **OF_ALL}),
    ("unix", socket.AF_UNIX, path, {**OF_UNIX, **OF_ALL}),
]
sockets = []
for kind, family, address, options in kinds:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    set_all(sock, options if variant == "rich" else {variant: options.get(variant)})
    if family == socket.AF_UNIX and os.path.exists(path):
        os.unlink(path)
    sock.bind(address)
    show(kind, sock, options)
    sockets.append(sock)
print("end of options", flush=True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    for sock in select.select(sockets, [], [])[0]:
        try:
            data = sock.recv(100, socket.MSG_DONTWAIT)
        except OSError:
            continue
        if sock is sockets[0]:
            answer_late(sock, int(data))

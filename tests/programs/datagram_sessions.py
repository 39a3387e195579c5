"""datagram_sessions.py PORT VERSION-FILE OPTION: a socket for each client, as DTLS servers have it.

It is bound to the service's port, which OPTION (SO_REUSEADDR, SO_REUSEPORT) allows, and connected
to the client. "WORD TOKEN" is answered with "VERSION PID TOKEN", "END" closes it. A resolver's
socket is connected as well, from a port of its own.
"""

import os
import select
import socket
import sys

address = ("127.0.0.1", int(sys.argv[1]))
option = getattr(socket, sys.argv[3])
with open(sys.argv[2]) as file:
    prefix = b"%s %d " % (file.read().strip().encode(), os.getpid())


def open_socket():
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, option, 1)
    datagrams.bind(address)
    return datagrams


def answer(session, text):
    words = text.split()
    if words[0] == b"END":
        watched.remove(session)
        session.close()
    else:
        session.send(prefix + words[1] + b"\n")


service = open_socket()
resolver = socket.socket(type=socket.SOCK_DGRAM)
resolver.connect(("127.0.0.1", 53))
watched = [service]
while True:
    for ready in select.select(watched, [], [])[0]:
        text, client = ready.recvfrom(512)
        if ready is service:
            ready = open_socket()
            ready.connect(client)
            watched.append(ready)
        answer(ready, text)

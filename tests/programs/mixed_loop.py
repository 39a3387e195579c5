"""mixed_loop.py PORT VERSION-FILE: one loop for datagrams and connections, on one port.

It answers a datagram with "VERSION PID TEXT", and a line on a connection with "VERSION PID TOKEN".
The datagram socket blocks: what select() says is believed, and any error ends the program.
"""

import os
import select
import socket
import sys

address = ("127.0.0.1", int(sys.argv[1]))
with open(sys.argv[2]) as file:
    prefix = b"%s %d " % (file.read().strip().encode(), os.getpid())
datagrams = socket.socket(type=socket.SOCK_DGRAM)
datagrams.bind(address)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(address)
listener.listen()
listener.setblocking(False)
watched = [datagrams, listener]
while True:
    for ready in select.select(watched, [], [])[0]:
        if ready is datagrams:
            text, client = datagrams.recvfrom(512)
            datagrams.sendto(prefix + text, client)
        elif ready is listener:
            try:
                watched.append(listener.accept()[0])
            except BlockingIOError:
                pass
        else:
            line = ready.recv(512).split()
            if line:
                ready.sendall(prefix + line[1] + b"\n")
            else:
                watched.remove(ready)

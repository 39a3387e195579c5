"""nested.py HOW PORT VERSION-FILE: a server whose listener is in an epoll set, as in a library's
event loop, that is itself waited on: by poll, select, epoll, or poll on an epoll set that has it.
"""

import os
import select
import socket
import sys

HOW, PORT, VERSION = sys.argv[1], int(sys.argv[2]), open(sys.argv[3]).read().strip()

SETS = []


def waits(how, inner):
    """What waits until `inner` is ready."""
    if how == "select":
        return lambda: select.select([inner], [], [])
    outer = select.poll() if how == "poll" else select.epoll()
    outer.register(inner.fileno(), select.POLLIN)
    SETS.append(outer)  # or it would be closed
    return waits("poll", outer) if how == "deep" else outer.poll


listener = socket.create_server(("127.0.0.1", PORT))
listener.setblocking(False)
events = select.epoll()
events.register(listener, select.EPOLLIN)
wait = waits(HOW, events)
while True:
    wait()
    for _ in events.poll(0):
        try:
            client = listener.accept()[0]
        except BlockingIOError:
            continue
        with client:
            client.settimeout(20)
            token = client.recv(100).split()[-1].decode()
            client.sendall(f"{VERSION} {os.getpid()} {token}\n".encode())

"""many_processes.py PORT COUNT: so many processes wait in accept() on one listener."""

import os
import signal
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
children = []
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            with listener.accept()[0] as client:
                client.sendall(b"here\n")
    children.append(child)


def stop(number, frame):
    for child in children:
        os.kill(child, signal.SIGTERM)
    os._exit(0)


signal.signal(signal.SIGTERM, stop)
while True:
    with listener.accept()[0] as client:
        client.sendall(b"here\n")

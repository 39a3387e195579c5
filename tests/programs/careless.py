"""careless.py PORT: answers once, never reads again and never closes, whatever the client does.

On SIGUSR1 it opens one more socket, and says so on stdout.
"""

import os
import signal
import socket
import sys

kept = []


def open_another(number, frame):
    kept.append(socket.socket())
    print("opened", flush=True)


signal.signal(signal.SIGUSR1, open_another)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
while True:
    client, _ = listener.accept()
    line = client.recv(100).split()
    client.sendall(b"1 %d %s\n" % (os.getpid(), line[1]))
    kept.append(client)

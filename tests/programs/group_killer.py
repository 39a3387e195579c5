"""group_killer.py PORT: on SIGTERM it ends its whole process group, as prefork servers do."""

import os
import signal
import socket
import sys


def end(number, frame):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.killpg(os.getpgrp(), signal.SIGTERM)


signal.signal(signal.SIGTERM, end)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
while True:
    client, _ = listener.accept()
    line = client.makefile().readline().split()
    client.sendall(b"1 %d %s\n" % (os.getpid(), line[1].encode()))
    client.close()

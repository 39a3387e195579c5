"""activate.py PORT|udp:PORT COMMAND...: what a service manager does for socket activation."""

import os
import socket
import sys

kind, _, port = sys.argv[1].rpartition(":")
if kind == "udp":
    listener = socket.socket(type=socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", int(port)))
else:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(64)
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_FDS"] = "1"
os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(sys.argv[2], sys.argv[2:])

"""activate.py PORT|udp:PORT|inetd:PORT COMMAND...: what a service manager does for socket activation.

For inetd ("dgram wait") it is a datagram socket as well, which is descriptor 0, and nothing says so.
"""

import os
import socket
import sys

kind, _, port = sys.argv[1].rpartition(":")
if kind in ("udp", "inetd"):
    listener = socket.socket(type=socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", int(port)))
else:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(64)
number = 0 if kind == "inetd" else 3
if listener.fileno() != number:
    os.dup2(listener.fileno(), number)
os.set_inheritable(number, True)
if kind != "inetd":
    os.environ["LISTEN_FDS"] = "1"
    os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(sys.argv[2], sys.argv[2:])

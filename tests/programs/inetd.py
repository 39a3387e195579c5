"""inetd.py PORT [UID]: another program serves each connection and alone holds it, as under inetd."""

import os
import signal
import socket
import sys

SERVE = 'while read -r _ token; do echo "1 $$ $token"; done'

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
if len(sys.argv) > 2:
    os.setuid(int(sys.argv[2]))
while True:
    client, _ = listener.accept()
    if os.fork() == 0:
        for number in (0, 1):
            os.dup2(client.fileno(), number)
        os.execv("/bin/sh", ["sh", "-c", SERVE])
    client.close()

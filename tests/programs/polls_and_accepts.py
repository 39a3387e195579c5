"""polls_and_accepts.py HOW PORT: a listener that blocks is polled, and others just accept.

HOW is "ondemand": the process polls, and starts a worker when a client waits, as php-fpm
does; or "once": it looks once whether somebody waits already. Who accepts ends
when it gets nobody but clients that have hung up already.
"""

import ctypes
import os
import select
import signal
import socket
import sys
import threading


def answer(client):
    try:
        while line := client.recv(100).split():
            client.sendall(b"1 %d %s\n" % (os.getpid(), line[1]))
    finally:
        client.close()


def has_hung_up(client):
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


def accept_clients():
    in_vain = 0
    while in_vain < 20:
        client, _ = listener.accept()
        in_vain = in_vain + 1 if has_hung_up(client) else 0
        threading.Thread(target=answer, args=(client,), daemon=True).start()
    print("nobody but those who have hung up", flush=True)
    os._exit(1)


how, port = sys.argv[1:]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(port)))
listener.listen(16)
clients = select.poll()
clients.register(listener, select.POLLIN)
if how == "once":
    clients.poll(0)
    accept_clients()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(3):
    clients.poll()
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        accept_clients()
while True:
    signal.pause()

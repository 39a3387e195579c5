"""
A server that opens and closes a second listener when a client of the first one says so:
opens_another.py PORT OTHER. Lines: GET TOKEN, OPEN, CLOSE, REOPEN; each is answered by a line.
"""
import os
import select
import socket
import sys

port, other = int(sys.argv[1]), int(sys.argv[2])
listeners = {}


def listen(number):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", number))
    listener.listen(64)
    listeners[number] = listener


def obey(line):
    word = line.split()[0]
    if word in ("CLOSE", "REOPEN"):
        listeners.pop(other).close()
    if word in ("OPEN", "REOPEN"):
        listen(other)
    return f"v1 {os.getpid()} {line.split()[-1]}\n"


def serve(client):
    with client, client.makefile("rw") as lines:
        for line in lines:
            try:
                answer = obey(line)
            except OSError as error:
                answer = f"{error}\n"
            lines.write(answer)
            lines.flush()


listen(port)
while True:
    for ready in select.select(list(listeners.values()), [], [])[0]:
        if ready.fileno() != -1:
            serve(ready.accept()[0])

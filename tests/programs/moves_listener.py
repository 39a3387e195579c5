"""moves_listener.py PORT VERSION-FILE GATE: keeps its connections, and listens once GATE is there.

On SIGUSR1 the number of the newest connection becomes the listener's as well, and the server waits
for clients at that number from then on; it prints both.
"""

import os
import select
import signal
import socket
import sys
import time

PORT, GATE = int(sys.argv[1]), sys.argv[3]
with open(sys.argv[2], "rb") as file:
    VERSION = file.read().strip()
while not os.path.exists(GATE):
    time.sleep(0.01)
listener = socket.create_server(("127.0.0.1", PORT), backlog=4000)
listener.setblocking(False)
clients = {}
waiting = select.epoll()
waiting.register(listener, select.EPOLLIN)


def move(number, frame):
    global listener
    newest = max(clients)
    waiting.unregister(newest)
    waiting.unregister(listener)
    os.dup2(listener.fileno(), newest)
    moved = clients.pop(newest)
    print(listener.fileno(), newest, flush=True)
    clients[-1] = listener  # the first number stays open
    listener = moved
    waiting.register(listener, select.EPOLLIN)


def serve(number):
    if number == listener.fileno():
        try:
            client = listener.accept()[0]
        except BlockingIOError:
            return
        clients[client.fileno()] = client
        waiting.register(client, select.EPOLLIN)
        return
    request = clients[number].recv(100)
    if request:
        clients[number].send(b"%s %d %s\n" % (VERSION, os.getpid(), request.split()[-1]))
    else:
        waiting.unregister(number)
        clients.pop(number).close()


signal.signal(signal.SIGUSR1, move)
while True:
    for number, _ in waiting.poll():
        serve(number)

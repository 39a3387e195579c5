"""gentle.py PORT VERSION-FILE: answers "VERSION PID TOKEN" to "GET TOKEN", as often as it is asked.

On SIGUSR1 each connection that it has is closed behind its next answer, and it ends with status 0
when there are none. With a file "stay", it does not end then, but of SIGTERM, with status 4."""

import os
import selectors
import signal
import socket
import sys

with open(sys.argv[2], encoding="ascii") as file:
    version = file.read().strip()

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
wake, woken = socket.socketpair()
woken.setblocking(False)
signal.set_wakeup_fd(woken.fileno())
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGTERM, lambda *_: os._exit(4))
selector = selectors.DefaultSelector()
selector.register(listener, selectors.EVENT_READ)
selector.register(wake, selectors.EVENT_READ)
connections = 0
leaving = False

while not leaving or connections or os.path.exists("stay"):
    for key, _ in selector.select():
        if key.fileobj is listener:
            connection, _ = listener.accept()
            selector.register(connection, selectors.EVENT_READ)
            connections += 1
        elif key.fileobj is wake:
            leaving |= signal.SIGUSR1 in wake.recv(100)
        else:
            question = key.fileobj.recv(1000)
            if question:
                key.fileobj.sendall(f"{version} {os.getpid()} {question.split()[1].decode()}\n".encode())
            if leaving or not question:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                connections -= 1

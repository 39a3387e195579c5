"""renews.py PORT [bare]: a server that upgrades itself, as nginx and gunicorn do.

Answers "VERSION PID TOKEN" to "GET TOKEN", as often as it is asked; the version is what the file
"version" had at its start. SIGUSR2: it executes itself anew, with its listener, and with an
environment of nothing but that if it is "bare". SIGQUIT: it accepts no more, finishes its
connections and ends with status 0. SIGTERM: it ends with the status in the file "status", or 0.
SIGUSR1: it appends its pid to "signalled". A file "broken": a new one fails at once.
With a file "child": it has executed that command at its start, which has the listener, too."""

import os
import selectors
import signal
import socket
import sys


def text_of(name, otherwise):
    try:
        with open(name, encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return otherwise


if "LISTENER" in os.environ:
    if os.path.exists("broken"):
        sys.exit(3)
    listener = socket.socket(fileno=int(os.environ["LISTENER"]))
else:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
listener.setblocking(False)
os.set_inheritable(listener.fileno(), True)
version = text_of("version", "v1")
child = text_of("child", "")
if child and "LISTENER" not in os.environ and os.fork() == 0:
    os.execv("/bin/sh", ["sh", "-c", child])


def renew(*_):
    if os.fork():
        return
    environment = {} if "bare" in sys.argv else dict(os.environ)
    environment["LISTENER"] = str(listener.fileno())
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def sign(*_):
    with open("signalled", "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


wake, woken = socket.socketpair()
woken.setblocking(False)
signal.set_wakeup_fd(woken.fileno())
signal.signal(signal.SIGUSR1, sign)
signal.signal(signal.SIGUSR2, renew)
signal.signal(signal.SIGQUIT, lambda *_: None)
signal.signal(signal.SIGTERM, lambda *_: os._exit(int(text_of("status", "0"))))
selector = selectors.DefaultSelector()
selector.register(listener, selectors.EVENT_READ)
selector.register(wake, selectors.EVENT_READ)
connections = 0
leaving = False

while not leaving or connections:
    for key, _ in selector.select():
        if key.fileobj is listener:
            if leaving:
                continue
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            selector.register(connection, selectors.EVENT_READ)
            connections += 1
        elif key.fileobj is wake:
            if signal.SIGQUIT in wake.recv(100) and not leaving:
                leaving = True
                selector.unregister(listener)
                listener.close()
        else:
            question = key.fileobj.recv(1000)
            if question:
                token = question.split()[1].decode()
                key.fileobj.sendall(f"{version} {os.getpid()} {token}\n".encode())
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                connections -= 1

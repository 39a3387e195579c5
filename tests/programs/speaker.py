"""speaker.py PORT READY-FILE: a server that speaks sd_notify(3). It serves at once, but says
READY=1 only when READY-FILE is there. "GET TOKEN" is answered with "VERSION PID TOKEN" (the
environment's VERSION); "SAY TEXT" is notified, with | for a newline; "KEEP TEXT" too, with a
descriptor."""

import os
import selectors
import socket
import sys

notify_socket = os.environ.get("NOTIFY_SOCKET", "")
if notify_socket.startswith("@"):
    notify_socket = "\0" + notify_socket[1:]


def notify(text, descriptors=()):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(notify_socket)
        socket.send_fds(sender, [text.replace("|", "\n").encode()], descriptors)


def answer(client):
    line = client.recv(4096).decode().strip()
    verb, _, rest = line.partition(" ")
    if verb == "SAY":
        notify(rest)
    elif verb == "KEEP":
        notify(rest, [sys.stdin.fileno()])
    if verb:
        reply = "%s %d %s\n" % (os.environ.get("VERSION", "1"), os.getpid(), rest)
        client.sendall(reply.encode())
    client.close()


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(64)
selector = selectors.DefaultSelector()
selector.register(listener, selectors.EVENT_READ)
said = False
while True:
    if not said and os.path.exists(sys.argv[2]):
        said = True
        notify("READY=1|STATUS=speaking")
    for key, _ in selector.select(0.02):
        try:
            client = listener.accept()[0]
        except ConnectionError:  # another process was faster
            continue
        answer(client)

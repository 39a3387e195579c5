"""probe.py WAY VERSION-FILE PATH|PORT [PORT]: a server that connects to its own address at first.

Answers "VERSION PID TOKEN" to "GET TOKEN"; WAY is one of WAYS.
"""

import os
import socket
import sys

way, version_file, address, *ports = sys.argv[1:]
FAMILY, ADDRESS = (socket.AF_INET, ("127.0.0.1", int(address))) if address.isdigit() else (
    socket.AF_UNIX, address)
with open(version_file, encoding="ascii") as file:
    VERSION = file.read().strip()


def ask():
    """What the server at our address answers, or None."""
    with socket.socket(FAMILY) as client:
        try:
            client.connect(ADDRESS)
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        client.sendall(b"GET token\n")
        return client.recv(1000)


def open_listener(family, at):
    listener = socket.socket(family)
    if family == socket.AF_INET:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    elif os.path.exists(at):
        os.unlink(at)
    listener.bind(at)
    listener.listen(64)
    return listener


def serve(listener, answer_to):
    while True:
        client, _ = listener.accept()
        with client:
            request = client.recv(1000)
            if request:
                client.sendall(answer_to(request))


def answer(request):
    return b"%s %d %s\n" % (VERSION.encode(), os.getpid(), request.split()[-1])


def gives_up():
    """php-fpm, spawn-fcgi, opendkim, bird"""
    if ask():
        sys.exit("another instance seems to listen there")
    serve(open_listener(FAMILY, ADDRESS), answer)


def talks():
    """It takes over what its predecessor knows."""
    print(ask(), flush=True)
    listener = open_listener(FAMILY, ADDRESS)
    serve(listener, answer)


def spawns():
    """lighttpd with bin-path: a front end that starts its back end, unless it finds one."""
    if not ask():
        back = open_listener(FAMILY, ADDRESS)
        if os.fork() == 0:
            serve(back, answer)
        back.close()
    serve(open_listener(socket.AF_INET, ("127.0.0.1", int(ports[0]))), lambda request: ask())


WAYS = {each.__name__: each for each in (gives_up, talks, spawns)}
WAYS[way]()

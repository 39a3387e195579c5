"""locks.py HOW-FILE FILE PORT: a server that takes a lock, or a file, before it starts.

HOW-FILE has one of WAYS, and perhaps "fail": then it ends with status 3 once it has that. Ends with
status 5 when there is another one. Answers "WAY PID TOKEN" to "GET TOKEN".
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

F_OFD_SETLK = 37
how_file, path, port = sys.argv[1:]


def give_up():
    print("there is another one", file=sys.stderr)
    sys.exit(5)


def open_file():
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def flock():
    fcntl.flock(open_file(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def posix():
    fcntl.fcntl(open_file(), fcntl.F_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))


def ofd():
    fcntl.fcntl(open_file(), F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))


def lockf():
    if ctypes.CDLL(None, use_errno=True).lockf(open_file(), 2, 0) != 0:  # F_TLOCK
        raise BlockingIOError


def waits():
    fcntl.flock(open_file(), fcntl.LOCK_EX)


def exclusive():
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, b"lock of %d\n" % os.getpid())
    signal.signal(signal.SIGTERM, lambda *_: (os.unlink(path), sys.exit(0)))


def stale():
    """What is there is removed at first, and made anew."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, b"%d\n" % os.getpid())
    os.close(descriptor)


WAYS = {way.__name__: way for way in (flock, posix, ofd, lockf, waits, exclusive, stale)}
with open(how_file, encoding="ascii") as file:
    how, *options = file.read().split()
try:
    WAYS[how]()
except (BlockingIOError, FileExistsError, PermissionError):
    give_up()
if "fail" in options:
    sys.exit(3)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(port)))
listener.listen(64)
while True:
    client, _ = listener.accept()
    with client:
        request = client.recv(1000)
        if request:
            client.sendall(b"%s %d %s\n" % (how.encode(), os.getpid(), request.split()[-1]))

"""beside.py HOW-FILE PATH --version-file FILE: a server whose socket gets its path after bind().

HOW-FILE has one of WAYS, and perhaps "mode=OCTAL", "elsewhere" (at another path), and "fail": then
it ends with status 3 once it is at its path. Prints "VERSION: inode N", and answers "VERSION PID TOKEN" to "GET TOKEN".
"""

import ctypes
import os
import socket
import sys

RENAME_EXCHANGE = 2
how_file, path, _, version_file = sys.argv[1:]
with open(version_file, encoding="ascii") as file:
    VERSION = file.read().strip()
with open(how_file, encoding="ascii") as file:
    how, *options = file.read().split()
if "elsewhere" in options:
    path += ".new"
temporary, spare = f"{path}.{os.getpid()}.tmp", f"{path}.{os.getpid()}.bak"
listener = socket.socket(socket.AF_UNIX)


def bind(name, listens=False):
    listener.bind(name)
    for option in options:
        if option.startswith("mode="):
            os.chmod(name, int(option[5:], 8))
    if listens:
        listener.listen(16)


def link_if_there(old, new):
    try:
        os.link(old, new)
    except FileNotFoundError:
        pass


def unlink_if_there(name):
    try:
        os.unlink(name)
    except FileNotFoundError:
        pass


def rename_and_drop_spare():  # haproxy
    bind(temporary)
    link_if_there(path, spare)
    os.rename(temporary, path)
    unlink_if_there(spare)


def listen_and_rename():  # services in Rust
    bind(temporary, listens=True)
    os.rename(temporary, path)


def link_into_place():
    bind(temporary)
    unlink_if_there(path)
    os.link(temporary, path)
    os.unlink(temporary)


def exchange():
    bind(temporary)
    if os.path.exists(path):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(-100, temporary.encode(), -100, path.encode(), RENAME_EXCHANGE) != 0:
            raise OSError(ctypes.get_errno(), "renameat2")
        os.unlink(temporary)
    else:
        os.rename(temporary, path)


def move_away():
    if os.path.exists(path):
        os.rename(path, spare)
    bind(path)
    unlink_if_there(spare)


def move_away_and_back():
    """What comes in its place does not please: the old one is put back."""
    if not os.path.exists(path):
        bind(path)
        return
    os.rename(path, spare)
    os.rename(spare, path)
    sys.exit(4)


WAYS = {
    way.__name__: way
    for way in (rename_and_drop_spare, listen_and_rename, link_into_place, exchange, move_away,
                move_away_and_back)
}

WAYS[how]()
print(f"{VERSION}: inode {os.fstat(listener.fileno()).st_ino}", flush=True)
if "fail" in options:
    sys.exit(3)
listener.listen(64)
while True:
    client, _ = listener.accept()
    with client:
        request = client.recv(1000)
        if request:
            client.sendall(b"%s %d %s\n" % (VERSION.encode(), os.getpid(), request.split()[-1]))

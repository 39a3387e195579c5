"""names.py PORT PATH: a server that answers each line of a connection with what getsockname(2) says
of each of its sockets, of a second number of the first one, and of that connection; with its
answers to a buffer that is too short, to one that cannot be written, and to a length below 0.
"""

import ctypes
import os
import signal
import socket
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)


def ask(sock, room, address=None):
    """The answer to a buffer of so many bytes: what was written, and the length; or errno."""
    buffer = ctypes.create_string_buffer(b"\xee" * 128, 128)
    length = ctypes.c_int(room)
    ctypes.set_errno(0)
    result = libc.getsockname(sock.fileno(), buffer if address is None else ctypes.c_void_p(address),
                              ctypes.byref(length))
    if result == -1:  # what the length is then differs from kernel to kernel
        return ctypes.get_errno()
    return buffer.raw.rstrip(b"\xee"), length.value


def names(connection):
    answer = [sock.getsockname() for sock in (*SOCKETS, SECOND, connection)]
    for sock in SOCKETS:
        answer += [ask(sock, room) for room in (128, 5, 0, -1)]
        answer += [ask(sock, 128, address=8), ask(sock, 0, address=0)]
        answer.append(libc.getsockname(sock.fileno(), None, None))
    return f"{answer}\n".encode()


def serve(connection):
    with connection:
        while connection.recv(100):
            connection.sendall(names(connection))


PORT, PATH = int(sys.argv[1]), sys.argv[2]
SOCKETS = [socket.create_server(("127.0.0.1", PORT)),
           socket.socket(socket.AF_UNIX),
           socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
           socket.create_server(("127.0.0.1", 0))]
if os.path.exists(PATH):
    os.unlink(PATH)
SOCKETS[1].bind(PATH)
SOCKETS[1].listen()
SOCKETS[2].bind(("127.0.0.1", PORT))
SECOND = SOCKETS[0].dup()
signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
while True:
    threading.Thread(target=serve, args=(SOCKETS[0].accept()[0],), daemon=True).start()

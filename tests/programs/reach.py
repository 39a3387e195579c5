#!/usr/bin/python3
"""Tries to reach every socket of a process, as the user nobody does: a client, or a stranger.

    reach.py PID

Root looks what they are, by copies of them, and keeps these to see whether anything has arrived; so
the process is to be stopped, or it would read that. Prints a line for each that clients could be for: "FAMILY TYPE reached" or "… not reached".
"""
import ctypes
import errno
import os
import select
import socket
import sys

libc = ctypes.CDLL(None)
PIDFD_GETFD = 438


def copies(process):
    """Of all its sockets."""
    pidfd = os.pidfd_open(process)
    for name in sorted(os.listdir(f"/proc/{process}/fd"), key=int):
        if os.readlink(f"/proc/{process}/fd/{name}").startswith("socket:"):
            yield socket.socket(fileno=libc.syscall(PIDFD_GETFD, pidfd, int(name), 0))


def is_for_clients(one):
    if one.type == socket.SOCK_DGRAM:
        return True
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def ways_to(one):
    """Pairs of a family and an address."""
    name = one.getsockname()
    if one.family == socket.AF_UNIX:
        return [(one.family, name)] if name else []
    port = name[1]
    if not port:
        return []
    ways = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::ffff:127.0.0.1", port)),
            (socket.AF_INET6, ("::1", port))]
    if one.family == socket.AF_INET:
        ways.append((socket.AF_INET, (name[0], port)))
    return ways


def call(kind, family, address):
    """Over loopback, a connection is there when connect(2) returns, or has been dropped. It is kept."""
    with socket.socket(family, kind | socket.SOCK_NONBLOCK) as client:
        error = client.connect_ex(address)
        if error == errno.EINPROGRESS:
            select.select([], [client], [], 0.3)
            error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            try:
                client.getpeername()
            except OSError:
                error = error or errno.ENOTCONN
        return error == 0


def sent_arrives(one, family, address):
    """It is not read, since the server is stopped."""
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.sendto(b"question", address)
    return bool(select.select([one], [], [], 0)[0])


def is_reached(one):
    for family, address in ways_to(one):
        try:
            if one.type == socket.SOCK_DGRAM:
                if sent_arrives(one, family, address):
                    return True
            elif call(one.type, family, address):
                return True
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.ECONNREFUSED):
                raise
    return False


mine = [one for one in copies(int(sys.argv[1])) if is_for_clients(one)]
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
for one in mine:
    print(one.family.name, one.type.name, "reached" if is_reached(one) else "not reached", flush=True)

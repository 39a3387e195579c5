"""pidfile.py HOW-FILE PIDFILE PORT: a server that makes something of the pid in a file.

HOW-FILE has one of WAYS. Answers "VERSION PID TOKEN" to "GET TOKEN"; the version is the way.
"""

import ctypes
import os
import signal
import socket
import sys

how_file, pidfile, port = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)


def read_pid():
    try:
        with open(pidfile, encoding="ascii") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return 0


def write_pid():
    with open(pidfile, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


def answers(ask, *arguments):
    try:
        ask(*arguments)
    except ProcessLookupError:
        return False
    return True


def lives(pid):
    return answers(os.kill, pid, 0) or answers(os.getpgid, pid) or answers(os.getsid, pid)


def serve():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(64)
    write_pid()
    while True:
        client, _ = listener.accept()
        with client:
            request = client.recv(1000)
            if request:
                client.sendall(b"%s %d %s\n" % (HOW.encode(), os.getpid(), request.split()[-1]))


def front():
    """Told to end, it ends whatever the pid file names (Passenger Standalone)."""
    core = os.fork()
    if core == 0:
        serve()

    def stop(*_):
        for send in (os.kill, lambda pid, number: os.killpg(pid, number),
                     lambda pid, number: libc.sigqueue(pid, number, ctypes.c_void_p(0))):
            try:
                send(read_pid(), signal.SIGTERM)
            except ProcessLookupError:
                print("none", flush=True)

    signal.signal(signal.SIGTERM, stop)
    os.waitpid(core, 0)


def looks():
    """Gives up when the file names a process that lives (gunicorn, Net::Server, monit)."""
    if read_pid() and lives(read_pid()):
        sys.exit("already running")
    serve()


def fails():
    """It takes the file for its own when it gives up (kamailio)."""
    os.unlink(pidfile)
    sys.exit(3)


def kills():
    """Its predecessor is to end first."""
    pid = read_pid()
    if pid:
        pidfd = libc.pidfd_open(pid, 0) if hasattr(libc, "pidfd_open") else -1
        print(libc.kill(pid, signal.SIGTERM), ctypes.get_errno(),
              libc.sigqueue(pid, signal.SIGTERM, ctypes.c_void_p(0)), pidfd, flush=True)
    serve()


WAYS = {way.__name__: way for way in (front, looks, fails, kills)}
with open(how_file, encoding="ascii") as file:
    HOW = file.read().strip()
WAYS[HOW]()

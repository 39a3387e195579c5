"""many_listeners.py KIND COUNT SETS PORT VERSION-FILE: a server with many listeners, on which many
threads wait, each with an epoll set of its own.

many_listeners.py ask KIND COUNT PORT VERSION: one question to each; fails if an answer is missing
or of another version.

KIND is tcp, udp (both on PORT of 127.20.0.1, 127.20.0.2, and so on) or unix (many.0, many.1, …).
"""

import os
import select
import signal
import socket
import sys
import threading

FAMILY = {"tcp": socket.AF_INET, "udp": socket.AF_INET, "unix": socket.AF_UNIX}
TYPE = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "unix": socket.SOCK_STREAM}


def address(kind, number, port):
    if kind == "unix":
        return f"many.{number}"
    return (f"127.20.{number // 250}.{number % 250 + 1}", port)


def ask(kind, count, port, version):
    for number in range(count):
        with socket.socket(FAMILY[kind], TYPE[kind]) as client:
            client.settimeout(20)
            client.connect(address(kind, number, port))
            client.send(b"?")
            answer = client.recv(100).decode()
            if answer != version:
                sys.exit(f"listener {number}: '{answer}', expected {version}")


def open_listener(kind, where):
    listener = socket.socket(FAMILY[kind], TYPE[kind])
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == "tcp")
    if kind == "unix" and os.path.exists(where):
        os.unlink(where)
    listener.bind(where)
    if kind != "udp":
        listener.listen(64)
    listener.setblocking(False)
    return listener


def answer_one(listener):
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.sendto(VERSION, listener.recvfrom(100)[1])
            return
        with listener.accept()[0] as client:
            client.settimeout(20)
            if client.recv(100):
                client.send(VERSION)
    except BlockingIOError:  # another thread has taken it
        pass


def serve(listeners):
    waiting = select.epoll()
    for number in listeners:
        waiting.register(number, select.EPOLLIN | select.EPOLLEXCLUSIVE)
    while True:
        for number, _ in waiting.poll():
            answer_one(listeners[number])


if sys.argv[1] == "ask":
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    sys.exit()
signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
with open(sys.argv[5], "rb") as file:
    VERSION = file.read().strip()
opened = [open_listener(sys.argv[1], address(sys.argv[1], each, int(sys.argv[4])))
          for each in range(int(sys.argv[2]))]
by_number = {each.fileno(): each for each in opened}
for _ in range(int(sys.argv[3]) - 1):
    threading.Thread(target=serve, args=(by_number,), daemon=True).start()
serve(by_number)

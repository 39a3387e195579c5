#!/usr/bin/python3 -u
"""Tries the address first, closes it, and then has each of two workers bind its own listener with
SO_REUSEPORT, the second one later. Speaks the line protocol of tests/servers.

    reuseport_workers.py PORT SECONDS
"""
import os
import signal
import socket
import sys
import time


def listen():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(100)
    return listener


def serve(listener):
    while True:
        client, _ = listener.accept()
        with client:
            words = client.makefile().readline().split()
            client.sendall(f"v {os.getpid()} {words[-1]}\n".encode() if words else b"")


listen().close()
workers = []
for delay in (0, float(sys.argv[2])):
    pid = os.fork()
    if pid == 0:
        time.sleep(delay)
        serve(listen())
    workers.append(pid)


def end(number, frame):
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
signal.pause()

"""passes.py PORT FIFO: accepts clients, and passes each over a unix socket to a worker.

The worker receives them, and answers once, when somebody has written a line to the FIFO.
"""

import ctypes
import os
import signal
import socket
import sys


def work(passed):
    with open(sys.argv[2], encoding="ascii") as fifo:
        fifo.readline()
    while True:
        _, (number,), _, _ = socket.recv_fds(passed, 1, 1)
        with socket.socket(fileno=number) as client:
            _, token = client.recv(100).split()
            client.sendall(b"1 %d %s\n" % (os.getpid(), token))


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
master, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
if os.fork() == 0:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    listener.close()
    master.close()
    work(worker)
while True:
    client, _ = listener.accept()
    socket.send_fds(master, [b"c"], [client.fileno()])
    client.close()
    print("passed", flush=True)

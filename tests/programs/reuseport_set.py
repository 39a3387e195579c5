#!/usr/bin/python3 -u
"""A set of SO_REUSEPORT sockets, each of which says which one of how many it is.

    reuseport_set.py serve KIND HOST PORT        KIND is tcp or udp
    reuseport_set.py ask KIND HOST PORT COUNT    prints who answers so many clients, each once
    reuseport_set.py load tcp HOST PORT          clients all the time until the file `enough` exists;
                                                 how many had to send their SYN again

The server has as many as the file `members` says. It prints "bound MEMBERS", waits for the file
`go`, and then serves, or exits with status 3 if `go` says fail. With a file `steer` it attaches a
program to the set: every client goes to the member that the file names.
"""
import contextlib
import ctypes
import os
import selectors
import socket
import struct
import sys
import threading
import time

SO_ATTACH_REUSEPORT_CBPF = 51
command, kind, host, port = sys.argv[1:5]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
type_ = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM


def read(name):
    with open(name, encoding="ascii") as file:
        return file.read().strip()


def steer(server, member):
    program = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, member))  # BPF_RET
    server.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
                      struct.pack("HxxxxxxP", 1, ctypes.addressof(program)))


def open_member():
    server = socket.socket(family, type_)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((host, int(port)))
    if kind == "tcp":
        server.listen(64)
    server.setblocking(False)
    return server


def answer(server, text):
    if kind == "udp":
        question, client = server.recvfrom(100)
        server.sendto(b"%s %d %s" % (text, os.getpid(), question), client)
    else:
        with server.accept()[0] as client:
            client.sendall(text)


def serve():
    count = int(read("members"))
    servers = [open_member() for _ in range(count)]
    if os.path.exists("steer"):
        steer(servers[0], int(read("steer")))
    print("bound", count, flush=True)
    while not os.path.exists("go"):
        time.sleep(0.02)
    if read("go") == "fail":
        sys.exit(3)
    selector = selectors.DefaultSelector()
    for i, server in enumerate(servers):
        selector.register(server, selectors.EVENT_READ, b"%d/%d" % (i, count))
    while True:
        for key, _ in selector.select():
            with contextlib.suppress(BlockingIOError):  # both generations are woken
                answer(key.fileobj, key.data)


def ask():
    global again
    with socket.socket(family, type_) as client:
        client.settimeout(5)
        client.connect((host, int(port)))
        if kind == "udp":
            client.send(b"question")
        else:
            info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            again += struct.unpack_from("I", info, 100)[0] > 0  # tcpi_total_retrans
        return client.recv(100).decode().split()[0]


def ask_on():
    while not os.path.exists("enough"):
        ask()
        time.sleep(0.005)  # the service is to be asked, not to be starved


def load():
    clients = [threading.Thread(target=ask_on) for _ in range(8)]
    for client in clients:
        client.start()
    print("asking", flush=True)
    for client in clients:
        client.join()
    print(again, "had to send again", flush=True)


again = 0
if command == "serve":
    serve()
elif command == "load":
    load()
else:
    print(*sorted({ask() for _ in range(int(sys.argv[5]))}))

"""session_server.py VERSION-FILE PORT[@HOST]...: sessions over unconnected datagram sockets.

HELLO begins one, and what comes then is answered with its number; what belongs to no session is
dropped, as QUIC, WireGuard and OpenVPN do. TO:PORT has it speak first, to that port. Words before
the ports: "messages", it uses sendmsg() and recvmsg(); "before" or "after", it gives up root before
or after it binds. A version of "broken" ends once it has bound, and one of "deaf" binds nothing but
the first port.
"""
import os
import selectors
import socket
import sys


def bind(text):
    port, _, host = text.partition("@")
    host = host or "127.0.0.1"
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    if host == "::":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((host, int(port)))
    sock.setblocking(False)
    return sock


class Server:
    def __init__(self, arguments):
        self.version = open(arguments[0]).read().strip()
        words = [word for word in arguments[1:] if word.isalpha()]
        ports = arguments[1 + len(words):]
        self.by_message = "messages" in words
        self.sessions = {}
        if "before" in words:
            os.setuid(65534)
        self.sockets = [bind(text) for text in ports[:1 if self.version == "deaf" else None]]
        if "after" in words:
            os.setuid(65534)

    def receive(self, sock):
        if self.by_message:
            data, _, _, address = sock.recvmsg(2000)
            return data, address
        return sock.recvfrom(2000)

    def send(self, sock, text, address):
        if self.by_message:
            sock.sendmsg([text.encode()], [], 0, address)
        else:
            sock.sendto(text.encode(), address)

    def answer(self, sock, data, address):
        key = sock.fileno(), address
        if data == b"HELLO":
            self.sessions[key] = 0
            self.send(sock, f"OK {self.version} {os.getpid()}", address)
        elif data.startswith(b"TO:"):
            peer = ("127.0.0.1", int(data[3:]))
            self.sessions[sock.fileno(), peer] = 0
            self.send(sock, f"OK {self.version} {os.getpid()}", peer)
        elif key in self.sessions:
            self.sessions[key] += 1
            self.send(sock, f"{self.version} {os.getpid()} {data.decode()}", address)

    def serve(self):
        loop = selectors.DefaultSelector()
        for sock in self.sockets:
            loop.register(sock, selectors.EVENT_READ)
        while True:
            for key, _ in loop.select():
                try:
                    self.answer(key.fileobj, *self.receive(key.fileobj))
                except BlockingIOError:
                    pass


server = Server(sys.argv[1:])
if server.version == "broken":
    sys.exit(1)
server.serve()

"""ask.py LINE [DEVICE]: one question to a listener of listeners.py; prints "VERSION PID token"."""

import os
import socket
import sys
import tempfile

kind, address, *rest = sys.argv[1].split()
types = {"udp": socket.SOCK_DGRAM, "datagram": socket.SOCK_DGRAM, "seqpacket": socket.SOCK_SEQPACKET}
type_ = types.get(kind, socket.SOCK_STREAM)
protocol = {"mptcp": 262, "sctp": 132}.get(kind, 0)
if kind in ("unix", "seqpacket", "datagram"):
    client = socket.socket(socket.AF_UNIX, type_)
    target = address
else:
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, type_, protocol)
    target = (address, int(rest[0]))
client.settimeout(20)
if kind == "datagram":  # it needs a name to be answered
    client.bind(os.path.join(tempfile.mkdtemp(dir="."), "client"))
client.connect(target)
client.sendall(b"GET token\n")
print(client.recv(1000).decode(), end="")

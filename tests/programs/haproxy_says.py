"""haproxy_says.py PATH COMMAND: what haproxy answers on its unix socket."""
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(5)
    connection.connect(sys.argv[1])
    connection.sendall(sys.argv[2].encode() + b"\n")
    while text := connection.recv(4096):
        sys.stdout.write(text.decode())

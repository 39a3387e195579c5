"""many_clients.py PORT COUNT: so many connections, each with an answer; held until stdin ends.

What stdin says before that: "N" closes the last N of them, "reset N" resets them.
"""

import resource
import socket
import struct
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
clients = []
for _ in range(count):
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.sendall(b"GET many\n")
    if not client.recv(100).endswith(b" many\n"):
        sys.exit("no answer")
    clients.append(client)
print("connected", flush=True)
for line in sys.stdin:
    for _ in range(int(line.split()[-1])):
        client = clients.pop()
        if line.startswith("reset"):
            linger = struct.pack("ii", 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.close()
    print("closed", flush=True)

"""many_askers.py PORT COUNT: so many connections, asked one after the other, again and again, until
stdin ends. A line on stdin is answered with the milliseconds that the slowest answer has taken since
the line before. Fails if a connection is cut.
"""

import resource
import socket
import sys
import threading
import time

PATIENCE = 60
port, count = int(sys.argv[1]), int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
slowest = 0.0
over = threading.Event()


def ask(client):
    client.sendall(b"GET again\n")
    answer = client.recv(100)
    if not answer.endswith(b" again\n"):
        raise ConnectionError(f"answered {answer!r}")


def ask_all():
    global slowest
    while not over.is_set():
        for number, client in enumerate(clients):
            begun = time.monotonic()
            try:
                ask(client)
            except OSError as error:
                print(f"connection {number} is lost: {error}", flush=True)
                over.set()
            slowest = max(slowest, time.monotonic() - begun)
            if over.is_set():
                return


clients = []
for _ in range(count):
    clients.append(socket.create_connection(("127.0.0.1", port), PATIENCE))
    ask(clients[-1])
asking = threading.Thread(target=ask_all)
asking.start()
print("connected", flush=True)
for _ in sys.stdin:
    if over.is_set():
        sys.exit(1)
    print(f"slowest {slowest * 1000:.0f}", flush=True)
    slowest = 0.0
over.set()
asking.join()

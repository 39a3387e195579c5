"""session_clients.py HOST PORT: groups of sessions with session_server.py, driven by lines on stdin.

  open NAME COUNT   begin so many sessions; says "NAME opened VERSIONS"
  ask NAME          says "NAME talks to VERSIONS" when each has been answered once more
  quiet NAME        they send nothing any more; says "NAME quiet"
  talk NAME         they go on; says "NAME talks"
  again NAME        each begins a new session from where it is; says "NAME opened VERSIONS"
  churn NAME COUNT  as open, but each ends after some answers, and another one begins; says nothing
  end               says "lost N wrong N answers N"

Each sends the next number as soon as the last is answered, and for each it expects one answer, from
the process with which it has begun. What is not answered within ten seconds is lost.
"""
import os
import selectors
import socket
import sys
import time

PATIENCE = 10
PACE = 0.002


class Client:
    def __init__(self, address, length=None):
        self.length = length  # so many answers are one session; then another one begins
        self.address = address
        self.answers = 0
        self.lost = self.wrong = 0
        self.socket = None
        self.begin_elsewhere()

    def begin_elsewhere(self):
        if self.socket:
            self.socket.close()
        self.socket = socket.socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        self.socket.connect(self.address)
        self.begin()

    def begin(self):
        self.server = None
        self.number = 0
        self.talks = True
        self.send(b"HELLO")

    def send(self, data):
        self.sent = time.monotonic()
        self.waits = True
        self.socket.send(data)

    def answered(self):
        data = self.socket.recv(2000).decode().split()
        if self.server is None:
            self.server = data[1], data[2]
        elif (data[0], data[1]) != self.server or int(data[2]) != self.number:
            self.wrong += 1
            print("wrong", *data, "instead of", *self.server, self.number, flush=True)
        self.waits = False
        self.answers += 1

    def go_on(self, now):
        if self.waits and now - self.sent > PATIENCE:
            self.lost += 1
            self.waits = self.talks = False
            print("lost", self.number, "of", self.server, flush=True)
        elif self.talks and not self.waits and now - self.sent > PACE:
            self.number += 1
            self.send(str(self.number).encode())


class Clients:
    def __init__(self, address):
        self.address = address
        self.groups = {}
        self.pending = []  # (name, what to say, answers that each must have had)
        self.loop = selectors.DefaultSelector()
        os.set_blocking(0, False)
        self.loop.register(0, selectors.EVENT_READ)
        self.typed = b""

    def everybody(self):
        return [client for group in self.groups.values() for client in group]

    def begin(self, name, count, length=None):
        self.groups[name] = [Client(self.address, length) for _ in range(int(count))]
        for client in self.groups[name]:
            self.loop.register(client.socket, selectors.EVENT_READ, client)

    def open(self, name, count):
        self.begin(name, count)
        self.pending.append((name, "opened", [1] * int(count)))

    def churn(self, name, count):
        self.begin(name, count, 5)

    def again(self, name):
        for client in self.groups[name]:
            client.begin()
        self.pending.append((name, "opened", [c.answers + 1 for c in self.groups[name]]))

    def begin_elsewhere(self, client):
        self.loop.unregister(client.socket)
        client.begin_elsewhere()
        self.loop.register(client.socket, selectors.EVENT_READ, client)

    def ask(self, name):
        self.pending.append((name, "talks to", [c.answers + 2 for c in self.groups[name]]))

    def quiet(self, name, quiet=True):
        for client in self.groups[name]:
            client.talks = not quiet
        print(name, "quiet" if quiet else "talks", flush=True)

    def command(self, words):
        if words[0] == "end":
            total = [sum(getattr(c, what) for c in self.everybody())
                     for what in ("lost", "wrong", "answers")]
            print("lost %d wrong %d answers %d" % tuple(total), flush=True)
            sys.exit(bool(total[0] + total[1]))
        if words[0] == "talk":
            self.quiet(words[1], False)
        else:
            getattr(self, words[0])(*words[1:])

    def say_done(self):
        for pending in self.pending[:]:
            name, what, wanted = pending
            clients = self.groups[name]
            if all(c.answers >= least for c, least in zip(clients, wanted)):
                print(name, what, *sorted({c.server[0] for c in clients}), flush=True)
                self.pending.remove(pending)

    def read_commands(self):
        data = os.read(0, 1000)
        if not data:
            sys.exit(2)
        *lines, self.typed = (self.typed + data).split(b"\n")
        for line in lines:
            self.command(line.decode().split())

    def run(self):
        while True:
            for key, _ in self.loop.select(PACE):
                if key.data:
                    key.data.answered()
                    if key.data.number == key.data.length:
                        self.begin_elsewhere(key.data)
                else:
                    self.read_commands()
            now = time.monotonic()
            for client in self.everybody():
                client.go_on(now)
            self.say_done()


Clients((sys.argv[1], int(sys.argv[2]))).run()

"""slow_stop.py PORT SECONDS: answers "1 PID TOKEN"; on SIGTERM saves its state for SECONDS, and ends."""

import os
import signal
import socketserver
import sys
import threading
import time


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"1 %d %s\n" % (os.getpid(), line.split()[1]))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def save(*_):
    time.sleep(float(sys.argv[2]))
    with open(f"saved-{os.getpid()}", "w", encoding="ascii"):
        os._exit(0)


signal.signal(signal.SIGTERM, save)
server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever).start()
while True:
    signal.pause()

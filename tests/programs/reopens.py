"""reopens.py PORT: answers each line of its clients, a thread for each, and logs it to requests.log
with its pid; SIGUSR1 has it open that file anew, SIGHUP log a line. Logs written with O_APPEND."""

import os
import signal
import socketserver
import sys

log = open("requests.log", "a", buffering=1)


def reopen(number, frame):
    global log
    log = open("requests.log", "a", buffering=1)


class Answers(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            log.write("%d %s\n" % (os.getpid(), line.decode().strip()))
            self.wfile.write(b"answer " + line)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


signal.signal(signal.SIGUSR1, reopen)
signal.signal(signal.SIGHUP, lambda number, frame: log.write("own HUP handler of %d\n" % os.getpid()))
Server(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()

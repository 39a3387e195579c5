#!/usr/bin/python3 -u
"""The server of http_server.py for Server::Starter: its listener is handed to it, and at SIGTERM it
accepts no more, answers whom it has accepted, and ends. What scripts/bench compares with.

    started.py VERSION-FILE SECONDS-TO-START
"""
import http.server
import os
import signal
import socket
import sys
import threading
import time

from http_server import Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for them


# "127.0.0.1:8080=3"; of a connection that another process has accepted meanwhile, nothing is to be waited for
listener = socket.socket(fileno=int(os.environ["SERVER_STARTER_PORT"].rpartition("=")[2]))
listener.setblocking(False)
handler = Handler.of(sys.argv[1])
time.sleep(float(sys.argv[2]))
server = Server(listener.getsockname(), handler, bind_and_activate=False)
server.socket = listener
# shutdown() waits for the loop, which the handler interrupts
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.02)
server.server_close()

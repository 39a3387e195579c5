#!/usr/bin/python3 -u
"""An HTTP server from the standard library: answers with the first line of a version file.

    http_server.py PORT VERSION-FILE [IGNORED]...
"""
import http.server
import sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    version = ""

    @classmethod
    def of(cls, path):
        with open(path, encoding="ascii") as file:
            cls.version = file.readline().strip()
        return cls

    def do_GET(self):
        body = f"{self.version}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler.of(sys.argv[2])).serve_forever()

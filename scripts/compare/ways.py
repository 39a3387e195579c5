"""What is compared: the ways to restart a server. A way says how its server is started, how it is
told to go over to what has been written for its next version, and what to ask of it.

Every answer tells which generation it comes from: by the version that the server has read at its
start, or by what a new process has anew (memcached: its pid; redis: the second of its start).
"""
import os
import signal
import subprocess
import time

START_MS = 100  # what those servers take to start that can be told


class Way:
    """Of a server in the directory `place`, at `port`; what is left open is for the kinds of ways."""

    protocol = ["--protocol", "http"]

    def __init__(self, name, command, protocol=None, files=None):
        self.name, self.command, self.files = name, command, files or {}
        self.protocol = protocol or self.protocol

    def prepare(self, build, place, port):
        self.words = {"BUILD": build, "PLACE": place, "PORT": str(port), "MS": str(START_MS), "S": str(START_MS / 1000)}
        self.place, self.port = place, port
        self.write_version(1)

    def fill_in(self, text):
        for word, value in self.words.items():
            text = text.replace(f"@{word}@", value)
        return text

    def write_version(self, number):
        self.words["VERSION"] = str(number)
        for name, text in {"version": "@VERSION@\n", **self.files}.items():
            with open(os.path.join(self.place, name), "w", encoding="ascii") as file:
                file.write(self.fill_in(text))

    def start(self):
        with open(os.path.join(self.place, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.fill_in(word) for word in self.command],
                cwd=self.place, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        self.sessions = getattr(self, "sessions", []) + [self.process.pid]

    def upgrade(self):
        """Returns when the signal was sent, in nanoseconds of CLOCK_MONOTONIC; None: there is none."""
        raise NotImplementedError

    def signal_process(self, number, pid=None):
        now = time.monotonic_ns()
        os.kill(pid or self.process.pid, number)
        return now


class Never(Way):
    def upgrade(self):
        return time.monotonic_ns()  # what the others are compared with: nothing happens


class StopAndStart(Way):
    def upgrade(self):
        now = self.signal_process(signal.SIGTERM)
        self.process.wait(10)
        self.start()
        return now


class Hangup(Way):
    def upgrade(self):
        return self.signal_process(signal.SIGHUP)


class Tableflip(Way):
    """The program that is asked is the one that serves: each upgrade is asked of another."""

    def upgrade(self):
        running = [pid for pid in members(self.sessions) if name_of(pid) == "tableflip"]
        return self.signal_process(signal.SIGHUP, max(running, key=start_of))


class HaproxyReload(Way):
    def upgrade(self):
        return self.signal_process(signal.SIGUSR2)


class NginxBinary(Way):
    """As nginx's manual has it: USR2, and when the new one has its pidfile, WINCH and QUIT to the old. It
    ignores USR2 while who started it lives, so it is a daemon here, with a session of its own."""

    def start(self):
        super().start()
        self.process.wait(10)
        end = time.monotonic() + 5
        while (pid := pid_in(os.path.join(self.place, "nginx.pid"))) is None and time.monotonic() < end:
            time.sleep(0.002)
        if pid is not None:
            self.sessions.append(os.getsid(pid))

    def upgrade(self):
        path = os.path.join(self.place, "nginx.pid")
        old = pid_in(path)
        now = self.signal_process(signal.SIGUSR2, old)
        end = time.monotonic() + 5
        while pid_in(path) in (None, old) and time.monotonic() < end:
            time.sleep(0.002)
        if pid_in(path) in (None, old):
            raise RuntimeError(f"{self.name}: no new master")
        os.kill(old, signal.SIGWINCH)
        os.kill(old, signal.SIGQUIT)
        return now


class Preloaded(Hangup):
    """tfpreload over a server that nobody has changed."""

    def __init__(self, name, command, **more):
        super().__init__(name, ["@BUILD@/tfhelper", "--", *command], **more)


def pid_in(path):
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def stat_of(pid):
    """The fields of /proc/PID/stat after the program's name, or none: proc(5) has state, ppid, pgrp, session, …"""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def start_of(pid):
    fields = stat_of(pid)
    return (int(fields[19]), pid) if fields else (0, pid)


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def members(sessions):
    """The processes of these sessions, the dead ones left out."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    fields = {pid: stat_of(pid) for pid in pids}
    return [pid for pid, stat in fields.items() if stat and stat[0] not in "ZX" and int(stat[3]) in sessions]


NGINX_CONF = """pid nginx.pid;
worker_processes 2;
error_log stderr;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
    uwsgi_temp_path tmp; scgi_temp_path tmp;
    server { listen 127.0.0.1:@PORT@; location / { return 200 "@VERSION@\\n"; } }
}
"""
# By its path, since nginx does not look for itself in PATH when it executes itself.
NGINX = {"command": ["/usr/sbin/nginx", "-e", "stderr", "-p", "@PLACE@", "-c", "nginx.conf", "-g", "daemon off;"],
         "files": {"nginx.conf": NGINX_CONF}}

HAPROXY_CFG = """global
    maxconn 2000
    nbthread 1
    stats socket @PLACE@/admin.sock level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend web
    bind 127.0.0.1:@PORT@
    http-request return status 200 content-type text/plain string "@VERSION@\\n"
"""

NODE_JS = """const version = require("fs").readFileSync("version", "ascii");
require("http").createServer((request, response) => {
    response.end(version);
}).listen(@PORT@, "127.0.0.1");
"""


def c_server(name):
    return [f"@BUILD@/tests/{name}", "--port", "@PORT@", "--version-file", "version", "--start-delay", "@MS@"]


LINE = ["--protocol", "line"]
C_SERVERS = ["fork", "thread", "prefork", "poll", "select", "epoll-level", "epoll-edge"]
GO = ["--listen", "127.0.0.1:@PORT@", "--version-file", "version", "--init", "@MS@ms"]
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/programs")

WAYS = [
    Never("no restarts", c_server("epoll-level"), protocol=LINE),
    StopAndStart("stop and start", c_server("epoll-level"), protocol=LINE),
    Tableflip("tableflip", ["@BUILD@/compare/tableflip", *GO]),
    Hangup("Server::Starter", ["start_server", "--port=127.0.0.1:@PORT@", "--",
                               "python3", f"{PROGRAMS}/started.py", "version", "@S@"]),
    Hangup("nginx, reload", **NGINX),
    NginxBinary("nginx, new binary", NGINX["command"][:-2], files=NGINX["files"]),
    HaproxyReload("haproxy, reload", ["haproxy", "-W", "-f", "haproxy.cfg"], files={"haproxy.cfg": HAPROXY_CFG}),
    *[Preloaded(f"tfpreload: {name}", c_server(name), protocol=LINE) for name in C_SERVERS],
    Preloaded("tfpreload: redis", ["redis-server", "--port", "@PORT@", "--bind", "127.0.0.1",
                                   "--protected-mode", "no", "--save", ""],
              protocol=["--protocol", "text", "--request", "LASTSAVE\\r\\n", "--expect", ":"]),
    Preloaded("tfpreload: memcached", ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", "@PORT@"],
              protocol=["--protocol", "text", "--request", "stats\\r\\n", "--expect", "STAT pid "]),
    Preloaded("tfpreload: nginx", **NGINX),
    Preloaded("tfpreload: python3", ["python3", f"{PROGRAMS}/http_server.py", "@PORT@", "version"]),
    Preloaded("tfpreload: node", ["node", "server.js"], files={"server.js": NODE_JS}),
    Preloaded("tfpreload: Go", ["@BUILD@/compare/http-server", *GO]),
]

#!/usr/bin/env python3
"""Compares ways to restart a server, each under the same load; scripts/bench compare runs it.

Every round runs every way once: QUIET seconds without an upgrade, then some upgrades, SPACING
seconds apart. So what the rest of the machine does is in all of them, and in both halves of each.
"""
import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time

import figures
import plot
import table
import ways

RATE = 250  # new connections a second, one request each
SPACING = 1.5  # seconds: Server::Starter leaves its old worker for one
PATIENCE = 15  # seconds, for a server to start or end


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench compare")
    parser.add_argument("--build", required=True, help="where tfhelper, the servers and the load client are")
    parser.add_argument("--out", required=True, help="the directory for compare.json, compare.svg, compare.md")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--upgrades", type=int, default=2, help="in each run")
    parser.add_argument("--way", action="append", help="this one alone; may be given several times")
    chosen = parser.parse_args()
    known = [way.name for way in ways.WAYS]
    for name in chosen.way or []:
        if name not in known:
            parser.error(f"--way: '{name}' is none of: {', '.join(known)}")
    if chosen.rounds < 1 or chosen.upgrades < 1:
        parser.error("--rounds and --upgrades: at least 1")
    return chosen


def free_port():
    return int(subprocess.run([os.path.join(build, "tests/free-port")], check=True, capture_output=True).stdout)


def memory_of(pids):
    """KiB, shared pages counted in part for each who shares them (Pss of proc(5))."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass  # it has ended meanwhile
    return total


def send(number, pids):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it has ended meanwhile


def end_all(way):
    """The process that was started is told to end; what is left of its sessions is killed."""
    left = ways.members(way.sessions)
    if way.process.pid in left:
        way.process.terminate()
    else:  # an upgrade has put another in its place
        send(signal.SIGTERM, left)
    end = time.monotonic() + PATIENCE
    while (left := ways.members(way.sessions)) and time.monotonic() < end:
        way.process.poll()
        time.sleep(0.02)
    send(signal.SIGKILL, left)
    way.process.wait()


class Load:
    """The load client, from its first answer on."""

    def __init__(self, way, port, place):
        self.events = os.path.join(place, "events")
        answered, theirs = os.pipe()
        with open(os.path.join(place, "complaints"), "wb") as complaints:
            self.process = subprocess.Popen(
                [os.path.join(build, "tests/load"), "--port", str(port), *way.protocol, "--rate", str(RATE),
                 "--timeout", "3", "--duration", "120", "--events", self.events, "--ready-fd", str(theirs)],
                pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=complaints,
            )
        os.close(theirs)
        said = os.read(answered, 1)
        os.close(answered)
        if said != b"\n":
            self.process.wait()
            raise RuntimeError(f"{way.name}: no answer")

    def end(self):
        self.process.terminate()
        self.process.wait(30)
        return figures.read_events(self.events)


def wait_for_port(way, port):
    listening = f":{port:04X} 00000000:0000 0A "
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with open("/proc/net/tcp", encoding="ascii") as file:
            if listening in file.read():
                return
        if way.process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"{way.name}: does not listen")


def run_once(way, upgrades, quiet):
    """One server, one load: a figures.Run."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)  # redis and memcached give up root
        port, signals, way.sessions, load = free_port(), [], [], None
        try:
            way.prepare(build, place, port)
            way.start()
            wait_for_port(way, port)
            time.sleep(3 * ways.START_MS / 1000)  # what has a listener may be about to start yet
            load = Load(way, port, place)
            time.sleep(quiet)
            for number in range(upgrades):
                way.write_version(number + 2)
                signals.append(way.upgrade() // 1000)
                time.sleep(SPACING)
            memory = memory_of(ways.members(way.sessions))
            return figures.Run(load.end(), signals, memory)
        except (RuntimeError, OSError) as error:
            with open(os.path.join(place, "log"), encoding="utf-8", errors="replace") as file:
                sys.exit(f"bench: {error}\n{file.read()[-2000:]}")
        finally:
            if load is not None and load.process.poll() is None:
                load.end()
            if way.sessions:
                end_all(way)


def describe(chosen):
    return (f"{RATE} new connections a second, one request each; {chosen.rounds} rounds, {chosen.upgrades} "
            f"upgrades in each run, {SPACING} s apart, after as long without; servers of ours and in Go need "
            f"{ways.START_MS} ms to start. One run, on {os.cpu_count()} processors that are shared with other "
            f"work (load average {os.getloadavg()[0]:.1f} before it), {platform.system()} {platform.release()}.")


def main():
    global build
    chosen = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and what was started is ended
    build = os.path.abspath(chosen.build)
    selected = [way for way in ways.WAYS if not chosen.way or way.name in chosen.way]
    runs = {way.name: [] for way in selected}
    what = describe(chosen)
    for number in range(chosen.rounds):
        for way in selected:
            print(f"round {number + 1}: {way.name}", file=sys.stderr, flush=True)
            runs[way.name].append(run_once(way, chosen.upgrades, chosen.upgrades * SPACING))
    report = {"what": what, "rounds": chosen.rounds, "rate": RATE,
              "ways": [figures.figures(name, those) for name, those in runs.items()]}
    os.makedirs(chosen.out, exist_ok=True)
    for name, text in (("compare.json", json.dumps(report) + "\n"), ("compare.svg", plot.svg(report)),
                       ("compare.md", table.markdown(report))):
        with open(os.path.join(chosen.out, name), "w", encoding="utf-8") as file:
            file.write(text)
    print(table.markdown(report), end="")


main()

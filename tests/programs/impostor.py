#!/usr/bin/python3
"""Stands where a helper might: under the name of a session, with answers of its own choice.

    impostor.py NAME [COMMAND...]

To BIND it hands over a listener of its own, to all else of the library's it says NONE. Who asks for
the status, or for an upgrade, gets texts that a terminal would obey. It is the user nobody. COMMAND, if there is one, runs
below it. With LINGERING in its environment, the status is a socket that takes 1,000 s to close. With CLOSED, nobody is let in, and its queue is full. Prints "listening", and then what it is asked: the number of each message."""

import os
import signal
import socket
import struct
import subprocess
import sys

import linger

MAGIC, VERSION = 0x7F707265, 3
REPORT = struct.Struct("=IHHIi6q64s512s")
BIND, NONE, ADOPT = 1, 65, 64  # NONE: bind yourself
STATUS, WATCH, UPGRADE, STOP, SUMMARY = range(128, 133)
REPORT_STATUS, BEGINS, NOTED, READY, FAILED = range(1, 6)
SERVICE, GENERATION, PROCESS, LISTENER, SETTING, UPGRADES, OUTCOME = range(10, 17)
EVIL = "\033]0;owned\007\033[31m\rred\n\u009b31m\x7f".encode() + b"\x9b1m"


def report(kind, name=EVIL, text=EVIL, generation=1, count=1):
    return REPORT.pack(0x7F707266, 2, kind, generation, os.getpid(), count, 1, 1, 1, 1, -1, name, text)


def status():
    file = os.memfd_create("status")
    kinds = (SERVICE, GENERATION, PROCESS, LISTENER, SETTING, UPGRADES, OUTCOME)
    os.write(file, b"".join(report(kind) for kind in kinds) + report(SETTING, b"x" * 63, b"y" * 511))
    return file


def answer(peer, kind):
    if kind in (STATUS, SUMMARY) and "LINGERING" in os.environ:
        passed, theirs = linger.open_lingering()
        kept.append(theirs)
        socket.send_fds(peer, [report(REPORT_STATUS)], [passed.fileno()])
        passed.close()
    elif kind in (STATUS, SUMMARY):
        socket.send_fds(peer, [report(REPORT_STATUS)], [status()])
    elif kind == UPGRADE:
        peer.send(report(BEGINS, generation=2))
        peer.send(report(FAILED, generation=2))
    else:
        head = struct.pack("=IHH16sIiiiIIQ", MAGIC, VERSION, ADOPT if kind == BIND else NONE, b"", 0, 0, 0, 0, 0, 0, 0)
        data = head + bytes(int(os.environ["MESSAGE_SIZE"]) - len(head))
        socket.send_fds(peer, [data], [mine.fileno()] if kind == BIND else [])


if os.getuid() == 0:  # not before: this file may be where nobody else may read
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
kept = []
mine = socket.create_server(("127.0.0.1", 0))
control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
control.bind(b"\0tfpreload-" + sys.argv[1].encode())
control.listen(0 if "CLOSED" in os.environ else 64)
if sys.argv[2:]:
    subprocess.Popen(sys.argv[2:], close_fds=True, stdout=subprocess.DEVNULL)
if "CLOSED" in os.environ:
    waiting = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    waiting.connect(control.getsockname())
print("listening", flush=True)
if "CLOSED" in os.environ:
    signal.pause()
while True:
    peer = control.accept()[0]
    while data := peer.recv(4096):
        kind = struct.unpack_from("=IHH", data)[2]
        print("asked", kind, flush=True)
        try:
            answer(peer, kind)
        except OSError:
            break

#!/usr/bin/python3 -u
"""Runs a command as the leader of a session with a terminal of its own.

    terminal.py PIDFILE LOG COMMAND [ARGUMENT]...

The command's stderr goes to LOG, unless that is -; the variable PRELOAD is its LD_PRELOAD. SIGUSR1: somebody types what stands in the file `type`.
SIGUSR2: the terminal hangs up. When the command has ended: prints "ended STATUS", a negative
signal or the exit status.
"""
import os
import pty
import select
import signal
import sys


def main():
    pidfile, log = sys.argv[1:3]
    pid, master = pty.fork()
    if pid == 0:
        if log != "-":
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        if "PRELOAD" in os.environ:
            os.environ["LD_PRELOAD"] = os.environ.pop("PRELOAD")
        os.execvp(sys.argv[3], sys.argv[3:])
    asked = []
    wake, poke = os.pipe()
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD):
        signal.signal(number, lambda number, frame: (asked.append(number), os.write(poke, b".")))
    # who reads it may signal us at once
    with open(pidfile + ".new", "w", encoding="ascii") as file:
        file.write(f"{pid}\n")
    os.rename(pidfile + ".new", pidfile)
    while True:
        watched = [wake] if master is None else [wake, master]
        ready, _, _ = select.select(watched, [], [], 1)
        if master in ready:
            try:
                os.write(1, os.read(master, 4096))
            except OSError:  # the other side has closed
                os.close(master)
                master = None
        if wake in ready:
            os.read(wake, 64)
        while asked:
            number = asked.pop(0)
            if number == signal.SIGUSR1:
                with open("type", "rb") as file:
                    os.write(master, file.read())
            elif number == signal.SIGUSR2 and master is not None:
                os.close(master)
                master = None
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            print(f"ended {os.waitstatus_to_exitcode(status)}")
            return


main()

"""
writes.py KIND PORT FILE: writes one number after the other into a database, and notes in FILE those
that were acknowledged. KIND: redis or mariadb, over a connection for as many as it takes; postgresql
or slapd, over a connection for each, by psql(1) and ldapadd(1). Whoever is cut off, or told to come
later, asks again; being refused ends it with status 1.
"""
import errno
import signal
import socket
import subprocess
import sys

kind, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
stopped = False


def stop(number, frame):
    global stopped
    stopped = True


def redis(numbers):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        answers = client.makefile("rb")
        for number in numbers:
            client.sendall(b"RPUSH written %d\r\n" % number)
            if answers.readline().startswith(b":"):
                yield number
            else:
                return


def mariadb(numbers):
    """mariadb(1) says a number when it has been written, and ends with the first error."""
    with subprocess.Popen(
            ["mariadb", "--no-defaults", "--batch", "--skip-column-names", "--unbuffered",
             "--host=127.0.0.1", f"--port={port}", "written"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            bufsize=1, start_new_session=True) as client:
        for number in numbers:
            try:
                print(f"INSERT INTO written VALUES ({number}); SELECT {number};", file=client.stdin)
            except BrokenPipeError:
                break
            if client.stdout.readline() != f"{number}\n":
                break
            yield number
        client.kill()
        look_for_refusal(client.stderr.read(), "Can't connect")


def postgresql(numbers):
    for number in numbers:
        if not succeeds(["psql", "-qX", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres",
                         "-c", f"INSERT INTO written VALUES ({number})"], "Connection refused"):
            return
        yield number


def slapd(numbers):
    for number in numbers:
        # it says no more than "Can't contact LDAP server" of being refused, and of being cut off
        if not succeeds(["ldapadd", "-d", "1", "-x", "-H", f"ldap://127.0.0.1:{port}",
                         "-D", "cn=admin,dc=example", "-w", "secret"],
                        f"connect errno: {errno.ECONNREFUSED}",
                        f"dn: cn={number},dc=example\nobjectClass: device\n"):
            return
        yield number


def succeeds(command, refused, words=None):
    done = subprocess.run(command, input=words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, errors="replace", start_new_session=True)
    if done.returncode != 0:
        look_for_refusal(done.stderr, refused)
    return done.returncode == 0


def look_for_refusal(errors, refused):
    print(errors, file=sys.stderr)
    if refused in errors:
        raise ConnectionRefusedError(refused)


signal.signal(signal.SIGTERM, stop)
number = 0
with open(path, "w", buffering=1) as acknowledged:
    while not stopped:
        try:
            for number in globals()[kind](range(number + 1, number + 1001)):
                print(number, file=acknowledged)
                if stopped:
                    break
        except (ConnectionResetError, BrokenPipeError, TimeoutError) as error:
            print(error, file=sys.stderr)
        number += 1  # what has become of the last one is not known

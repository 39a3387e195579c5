"""habits.py HABIT PORT VERSION-FILE: servers that do what servers do with processes and signals.

Each answers "VERSION PID TOKEN" to "GET TOKEN", as often as it is asked, and prints what it sees.

  exec-self       executes itself once it listens, and keeps the listener
  exec-helper     executes another program that inherits the listener, and serves in its place
  idle-helper     executes another program that inherits the listener and never looks at it
  late-helper     the same, but it serves as soon as the file "go" exists
  resolver        while it serves, binds a datagram socket and gives it to another program, which
                  waits for a reply
  spawn           starts a program for each request, by vfork and by posix_spawn
  dup             listens under four other numbers, a thread in accept() on each
  pass            passes the listener to a worker that was forked before it listened
  pass-executed   passes the listener to a worker that is another program
  reuseport       workers that bind themselves; the master starts a new one for each that ends
  datagrams       the same with datagram sockets; a child of its own serves TCP
  datagrams-too   the same, and it is the master that serves TCP
  fork            a child for each client, which stays when its parent goes
  reap            prints every child that waitpid(-1) returns, one for each request
  poll-loop       between poll() and a blocking accept() waits while a file wait-VERSION exists
  select-loop     the same with select()
  epoll-loop      the same with epoll_wait()
  sigwait         blocks all signals, and waits for them in a thread
  signalfd        blocks all signals, and reads them from a descriptor in its event loop
  handlers        its own handlers for SIGURG, from out-of-band data too, and SIGHUP
"""

import ctypes
import fcntl
import os
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

HABIT, PORT, VERSION_FILE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with open(VERSION_FILE, encoding="ascii") as file:
    VERSION = file.read().strip()


def tell(text):
    os.write(1, f"{text}\n".encode())


def open_listener(reuseport=False):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuseport:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", PORT))
    listener.listen(128)
    return listener


def inherited_listener(number):
    return socket.socket(fileno=number)


def answer(line):
    return b"%s %d %s\n" % (VERSION.encode(), os.getpid(), line.split()[-1])


def serve_client(client, answer_to=answer):
    with client, client.makefile("rb") as lines:
        for line in lines:
            client.sendall(answer_to(line))


def serve(listener, answer_to=answer):
    """A thread for each client, as many do."""
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve_client, args=(client, answer_to), daemon=True).start()


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def run_again(number, habit):
    return [sys.executable, sys.argv[0], habit, str(PORT), VERSION_FILE, str(number)]


# ---- programs that are executed ----


def exec_self():
    if len(sys.argv) > 4:
        serve(inherited_listener(int(sys.argv[4])))
    listener = open_listener()
    listener.set_inheritable(True)
    os.execv(sys.executable, run_again(listener.fileno(), HABIT))


def exec_helper():
    if len(sys.argv) > 4:
        end_with_parent()
        serve(inherited_listener(int(sys.argv[4])))
    listener = open_listener()
    number = listener.fileno()
    child = subprocess.Popen(run_again(number, HABIT), pass_fds=[number])
    listener.close()
    sys.exit(child.wait())


def idle_helper():
    listener = open_listener()
    number = listener.fileno()
    subprocess.Popen(["sleep", "1000"], pass_fds=[number], preexec_fn=end_with_parent)
    serve(listener)


def late_helper():
    if len(sys.argv) > 4:
        tell("looks on")
        while not os.path.exists("go"):
            time.sleep(0.01)
        tell(f"accepts {os.getpid()} {VERSION}")
        serve(inherited_listener(int(sys.argv[4])))
    listener = open_listener()
    number = listener.fileno()
    subprocess.Popen(run_again(number, HABIT), pass_fds=[number], preexec_fn=end_with_parent)
    serve(listener)


def ask_resolver():
    question = socket.socket(type=socket.SOCK_DGRAM)
    question.bind(("127.0.0.1", 0))
    number = question.fileno()
    subprocess.Popen(run_again(number, HABIT), pass_fds=[number], preexec_fn=end_with_parent)


def resolver():
    if len(sys.argv) > 4:
        question = socket.socket(fileno=int(sys.argv[4]))
        tell(f"resolver on {question.getsockname()[1]}")
        select.select([question], [], [])
        question.recvfrom(1000)
        tell("resolver got a reply")
        return
    listener = open_listener()
    client, _ = listener.accept()
    serve_client(client)
    ask_resolver()
    serve(listener)


def spawned_token(line):
    token = line.split()[-1].decode()
    by_vfork = subprocess.run(["echo", token], stdout=subprocess.PIPE, check=True).stdout
    reader, writer = os.pipe()
    child = os.posix_spawnp("echo", ["echo", token], os.environ,
                            file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)],
                            setsigmask=[],
                            setsigdef=[signal.SIGHUP, signal.SIGURG, signal.SIGPIPE])
    os.close(writer)
    by_spawn = os.read(reader, 1000)
    os.close(reader)
    os.waitpid(child, 0)
    if by_vfork != by_spawn or by_vfork.strip() != token.encode():
        return b"wrong\n"
    return answer(line)


def spawn():
    serve(open_listener(), spawned_token)


# ---- listeners under other numbers, and in other processes ----


def dup():
    listener = open_listener()
    number = listener.fileno()
    copies = [
        os.dup(number),
        os.dup2(number, 90),
        os.dup2(number, 91, inheritable=False),  # dup3
        fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 92),
    ]
    listener.close()
    for copy in copies:
        threading.Thread(target=serve, args=(inherited_listener(copy),), daemon=True).start()
    signal.pause()


def receive_listener(channel):
    select.select([channel], [], [])  # a wait that is not for clients, and comes first
    _, numbers, _, _ = socket.recv_fds(channel, 1, 1)
    serve(inherited_listener(numbers[0]))


def pass_on(channel):
    listener = open_listener()
    socket.send_fds(channel, [b"x"], [listener.fileno()])
    listener.close()
    os.wait()


def pass_listener():
    mine, theirs = socket.socketpair()
    if os.fork() == 0:
        end_with_parent()
        mine.close()
        receive_listener(theirs)
    theirs.close()
    pass_on(mine)


def pass_executed():
    if len(sys.argv) > 4:
        end_with_parent()
        receive_listener(socket.socket(fileno=int(sys.argv[4])))
    mine, theirs = socket.socketpair()
    number = theirs.fileno()
    subprocess.Popen(run_again(number, HABIT), pass_fds=[number])
    theirs.close()
    pass_on(mine)


def be_worker():
    end_with_parent()
    listener = open_listener(reuseport=True)
    tell(f"worker {os.getpid()} {VERSION} listens")
    serve(listener)


def reuseport():
    while True:
        for _ in range(2 - len(workers)):
            pid = os.fork()
            if pid == 0:
                be_worker()
            workers.add(pid)
        workers.discard(os.wait()[0])


def be_datagram_worker():
    end_with_parent()
    service = socket.socket(type=socket.SOCK_DGRAM)
    service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    service.bind(("127.0.0.1", PORT))
    tell(f"worker {os.getpid()} {VERSION} receives")
    while True:
        line, client = service.recvfrom(1000)
        service.sendto(answer(line), client)


def start_datagram_worker():
    pid = os.fork()
    if pid == 0:
        be_datagram_worker()
    workers.add(pid)


def be_listening_child(listener):
    if os.fork() == 0:
        end_with_parent()
        serve(listener)


def be_listening_master(listener):
    # the first workers are there before anybody waits for clients; later ones are not
    while not os.path.exists("go"):
        time.sleep(0.01)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()


def datagrams(serve_streams=be_listening_child):
    listener = open_listener()
    for _ in range(2):
        start_datagram_worker()
    serve_streams(listener)
    while True:
        pid = os.wait()[0]
        if pid in workers:
            workers.discard(pid)
            start_datagram_worker()


workers = set()


# ---- children ----


def fork():
    listener = open_listener()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            serve_client(client)
            os._exit(0)
        client.close()


def on_child(number, frame):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        tell(f"{'own' if pid in children else 'FOREIGN'} child {status}")
        children.discard(pid)


children = set()


def token_by_child(line):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    children.add(pid)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    return answer(line)


def reap():
    signal.signal(signal.SIGCHLD, on_child)
    listener = open_listener()
    while True:
        client, _ = listener.accept()
        serve_client(client, token_by_child)


# ---- event loops ----


def accept_after_hesitation(listener):
    hesitates = os.path.exists(f"wait-{VERSION}")
    if hesitates:
        tell("hesitates")
    while os.path.exists(f"wait-{VERSION}"):
        time.sleep(0.01)
    client, _ = listener.accept()
    if hesitates and client.recv(1, socket.MSG_PEEK) == b"":
        tell("has hung up")
    return client


def answer_once(client):
    line = client.recv(1000)
    if line:
        client.sendall(answer(line))
    return bool(line)


def hesitate(loop):
    listener = open_listener()
    loop.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in loop.select():
            if key.fileobj is not listener:
                if not answer_once(key.fileobj):
                    loop.unregister(key.fileobj)
                    key.fileobj.close()
                continue
            loop.register(accept_after_hesitation(listener), selectors.EVENT_READ)


def poll_loop():
    hesitate(selectors.PollSelector())


def select_loop():
    hesitate(selectors.SelectSelector())


def epoll_loop():
    hesitate(selectors.EpollSelector())


# ---- signals ----

ALL = signal.valid_signals()


def take_signal(number):
    tell(f"signal {number}")
    if number == signal.SIGTERM:
        os._exit(0)


def answer_or_raise(line):
    if line.split()[-1:] == [b"raise"]:
        os.kill(os.getpid(), signal.SIGHUP)
        return b"raised\n"
    return answer(line)


def wait_for_signals():
    while True:
        take_signal(signal.sigwait(ALL))


def sigwait():
    signal.pthread_sigmask(signal.SIG_SETMASK, ALL)
    threading.Thread(target=wait_for_signals, daemon=True).start()
    serve(open_listener(), answer_or_raise)


def open_signalfd():
    everything = ctypes.create_string_buffer(b"\xff" * 128, 128)
    return ctypes.CDLL(None).signalfd(-1, everything, 0)


def signalfd():
    signal.pthread_sigmask(signal.SIG_SETMASK, ALL)
    signals = open_signalfd()
    listener = open_listener()
    while True:
        ready, _, _ = select.select([signals, listener], [], [])
        if signals in ready:
            take_signal(struct.unpack("=I", os.read(signals, 128)[:4])[0])
        if listener in ready:
            client, _ = listener.accept()
            threading.Thread(target=serve_client, args=(client, answer_or_raise), daemon=True).start()


def on_signal(number, frame):
    tell(f"handler {number}")


def handlers_that_libc_knows():
    """sigaction(2) into a buffer: the handler's address comes first."""
    found = []
    for number in (signal.SIGURG, signal.SIGHUP, signal.SIGUSR1):
        action = ctypes.create_string_buffer(256)
        ctypes.CDLL(None).sigaction(number, None, action)
        found.append(action.raw[:8])
    return found


def answer_about_signals(line):
    """All three have Python's own handler in libc's eyes, if nobody else's shows."""
    request = line.split()[-1]
    if request == b"handlers":
        return b"same\n" if len(set(handlers_that_libc_knows())) == 1 else b"different\n"
    return answer_or_raise(line)


def handlers():
    for number in ALL - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)  # many begin like this
    listener = open_listener()
    for number in (signal.SIGURG, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, on_signal)
    while True:
        client, _ = listener.accept()
        fcntl.fcntl(client, fcntl.F_SETOWN, os.getpid())  # SIGURG for out-of-band data: tcp(7)
        threading.Thread(target=serve_client, args=(client, answer_about_signals), daemon=True).start()


HABITS = {
    "exec-self": exec_self,
    "exec-helper": exec_helper,
    "idle-helper": idle_helper,
    "late-helper": late_helper,
    "resolver": resolver,
    "spawn": spawn,
    "dup": dup,
    "pass": pass_listener,
    "pass-executed": pass_executed,
    "reuseport": reuseport,
    "datagrams": datagrams,
    "datagrams-too": lambda: datagrams(be_listening_master),
    "fork": fork,
    "reap": reap,
    "poll-loop": poll_loop,
    "select-loop": select_loop,
    "epoll-loop": epoll_loop,
    "sigwait": sigwait,
    "signalfd": signalfd,
    "handlers": handlers,
}
HABITS[HABIT]()

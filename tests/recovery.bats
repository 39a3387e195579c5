#!/usr/bin/env bats
#
# After an upgrade that failed: the old generation has its listeners exactly as they were, and
# nothing of the new one is left. Who dies, or stops, while its successor starts.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- the listeners ----

# A signal that is pending is not queued again: the process is told to hand its listeners over when
# the upgrade has failed for that, and not that it has failed.
@test "a process that was stopped until the upgrade had failed has its listener for itself" {
    mkfifo words
    start_server "$TESTS/threads" "$PORT" "$PWD/words" accept
    kill -STOP "$(first_pid 1)"
    upgrade_fails 'did not hand over its listeners'
    echo nonblock >words
    echo try >words
    kill -CONT "$(first_pid 1)"
    wait_for_log '^accept: EAGAIN' "$OUT"
}

@test "what a new version did to the listeners before it failed is undone" {
    local start

    for start in rich plain; do
        PORT=$(free_port)
        # shellcheck disable=SC2034 # for the helpers
        LOG=$BATS_TEST_TMPDIR/log-$start
        OUT=$BATS_TEST_TMPDIR/out-$start
        echo "$start" >variant
        start_server "$TESTS/adoption" "$PORT" variant
        sed '/^end of state/q' "$OUT" >before
        echo spoil >variant
        upgrade_fails 'exited with status 9'
        kill -USR1 "$PID"
        wait_until has_states 2 "$OUT"
        sed '1,/^end of state/d' "$OUT" >after
        diff before after || fail "listeners of the $start variant"
        equal "$(ask "$PORT")" "1 $(first_pid 1) token"
        kill -TERM "$PID"
        wait_end
    done
}

has_states() {
    (($(count_log '^end of state' "$2") >= $1))
}

# shutdown_server: server.py PORT serves TCP, UDP and the path `socket`, each client with "VERSION".
# With the version "fails" it shuts all of them down, prints what it sees, and exits.
shutdown_server() {
    requires python3
    cat >server.py <<'END'
import os, select, socket, sys
version, port = open("version").read().strip(), int(sys.argv[1])
if os.path.exists("socket"):
    os.unlink("socket")
sockets = [socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(type=socket.SOCK_DGRAM)]
sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
loop = select.poll()
for each, address in zip(sockets, (("127.0.0.1", port), "socket", ("127.0.0.1", port))):
    each.bind(address)
    if each.type == socket.SOCK_STREAM:
        each.listen(16)
    loop.register(each, select.POLLIN)


def outcome(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return error.strerror


def take(each, size=100):
    return each.accept() if each.type == socket.SOCK_STREAM else each.recvfrom(size)


while version == "fails":
    for each in sockets:
        took = outcome(each.shutdown, socket.SHUT_RDWR)
        hung_up = bool(dict(loop.poll(0))[each.fileno()] & select.POLLHUP)
        print(f"shutdown: {took}, poll: {hung_up}, then: {outcome(take, each)}", flush=True)
    sys.exit(1)
while True:
    for number, _ in loop.poll():
        each = next(s for s in sockets if s.fileno() == number)
        if each.type == socket.SOCK_DGRAM:
            each.sendto(version.encode(), take(each)[1])
            continue
        with take(each)[0] as client:
            client.sendall(version.encode())
END
    cat >client.py <<'END'
import socket, sys
port = int(sys.argv[1])
for family, kind, address in ((socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
                              (socket.AF_UNIX, socket.SOCK_STREAM, "socket"),
                              (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port))):
    with socket.socket(family, kind) as client:
        client.settimeout(20)
        client.connect(address)
        if kind == socket.SOCK_DGRAM:
            client.send(b"question")
        print(client.recv(100).decode(), end=" ")
END
}

@test "a new version that shuts its listeners down as it fails" {
    shutdown_server
    set_version v1
    start_server python3 server.py "$PORT"
    set_version fails
    upgrade_fails 'exited with status 1'
    equal "$(sort "$OUT" | uniq -c | sed 's/^ *//')" "$(printf '%s\n' \
        "2 shutdown: None, poll: True, then: Invalid argument" \
        "1 shutdown: Transport endpoint is not connected, poll: True, then: (b'', None)")"
    equal "$(python3 client.py "$PORT")" "v1 v1 v1 " "answers after the failure"
    upgrade v3
    equal "$(python3 client.py "$PORT")" "v3 v3 v3 " "answers of the next version"
}

# stopping_server: server.py serves the path `socket` until SIGUSR1, and then shuts it down. What
# serves is a thread of version v1, and a child of v2, which begins once the file `go` is there.
stopping_server() {
    requires python3
    cat >server.py <<'END'
import os, signal, socket, threading, time
version = open("version").read().strip()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
while version == "v2" and not os.path.exists("go"):
    time.sleep(0.01)
if os.path.exists("socket"):
    os.unlink("socket")
listener = socket.socket(socket.AF_UNIX)
listener.bind("socket")
listener.listen(16)


def serve():
    try:
        while True:
            with listener.accept()[0] as client:
                client.sendall(version.encode())
    except OSError as error:
        print(f"{version}: {error.strerror}", flush=True)


if version == "v1":
    thread = threading.Thread(target=serve)
    thread.start()
    wait = thread.join
else:
    child = os.fork()
    if child == 0:
        serve()
        os._exit(0)
    wait = lambda: os.waitpid(child, 0)
signal.sigwait([signal.SIGUSR1])
listener.shutdown(socket.SHUT_RDWR)
wait()
END
    set_version v1
    start_server python3 server.py
}

@test "the old version stops by shutdown() while its successor starts: the successor takes over" {
    stopping_server
    set_version v2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -USR1 "$(first_pid 1)"
    wait_for_log '^v1: Invalid argument' "$OUT"
    touch go
    wait_ready 2
    equal "$(python3 -c 'import socket
s = socket.socket(socket.AF_UNIX); s.connect("socket"); print(s.recv(100).decode())')" v2 "answer"
    # it has the listener for itself now, and ends it for its child as well
    kill -USR1 "$(first_pid 2)"
    wait_for_log '^v2: Invalid argument' "$OUT"
    wait_end
}

@test "clients in the queue survive a failure, and are served by the next version" {
    touch closed
    start_server "$TESTS/odd" --port "$PORT" --no-accept "$PWD/closed" --fail-if "$PWD/failing"
    { ask "$PORT" >answer; } 3>&- &
    wait_until queue_has "$PORT" 1
    touch failing
    upgrade_fails 'exited with status 1'
    queue_has "$PORT" 1
    rm failing closed
    upgrade
    wait "$!"
    equal "$(<answer)" "1 $(first_pid 3) token"
}

# ---- and then ----

@test "a request that came while a failing upgrade ran is run next" {
    serve epoll-level
    export TFPRELOAD_LOG=debug
    set_options --start-when go --exit-after-listen 1
    kill -HUP "$PID"
    wait_for_log 'waits for go' "$OUT"
    set_options
    set_version v3
    kill -HUP "$PID"
    wait_for_log 'generation 2 is not ready yet: the upgrade is noted'
    touch go
    wait_for_log 'generation 2: upgrade failed'
    wait_ready 3
    wait_retired 1
    serves_version "$PORT" v3
}

@test "ten failures in a row leave nothing behind" {
    local _ before

    serve poll
    upgrade v1
    wait_generation_gone 1
    before=$(steady_descriptors "$PID")
    set_options --exit-after-listen 1
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        upgrade_fails 'exited with status 1'
    done
    wait_until same_descriptors "$PID" "$before"
    equal "$(children "$PID" | wc -w)" 1 "children of the helper"
    set_options
    upgrade v2
    serves_version "$PORT" v2
}

same_descriptors() {
    equal "$(descriptors "$1")" "$2" "descriptors of $1"
}

@test "the old version dies while its successor starts: the successor takes over" {
    serve epoll-level
    set_options --start-when go
    set_version v2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -KILL "$(first_pid 1)"
    touch go
    wait_ready 2
    serves_version "$PORT" v2
    set_options
    upgrade v3
    serves_version "$PORT" v3
}

@test "the old version dies, and its successor fails: the helper ends as the old one did" {
    serve epoll-level
    set_options --start-when go --exit-after-listen 5
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -KILL "$(first_pid 1)"
    touch go
    wait_end
    equal "$STATUS" 137 "status after SIGKILL"
    has_log 'generation 2: upgrade failed: exited with status 5 [^;]*$'
}

@test "the old version dies before there is a successor: nothing is said to serve on" {
    local workers

    printf '#!/bin/sh\necho "$TFPRELOAD_EVENT" >>told\n' >hook
    chmod +x hook
    export TFPRELOAD_HOOK=$PWD/hook
    serve prefork
    wait_until test -s told
    read -ra workers <<<"$(children "$(first_pid 1)")"
    kill -STOP "${workers[0]}" # who is waited for
    kill -HUP "$PID"
    wait_for_log 'generation 2: upgrade from generation 1 begins'
    kill -KILL "$(first_pid 1)"
    wait_end
    wait_gone "${workers[@]}"
    equal "$STATUS" 137 "status of the service"
    equal "$(count_log 'the service has ended')" 1 "lines about the end"
    has_no_log 'upgrade failed'
    wait_for_log '^gone$' told
    equal "$(paste -sd' ' told)" "ready gone" "what the hook was told"
}

@test "SIGTERM while a new version starts ends both" {
    serve epoll-level --term-status 6
    set_options --start-delay 100000
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 6 "exit status"
    wait_until none_marked
    has_log 'generation 2: upgrade failed: the service is stopping$'
}

@test "the first start fails: the helper ends the same" {
    set_options --exit 5
    start_with_library "$TESTS/poll" --port "$PORT" --options-file options
    wait_end
    equal "$STATUS" 5 "exit status"
    set_options --crash
    start_with_library "$TESTS/poll" --port "$PORT" --options-file options
    wait_end
    equal "$STATUS" 139 "status after SIGSEGV"
}

@test "the first start takes longer than the ready timeout: it is left alone" {
    export TFPRELOAD_READY_TIMEOUT=0.2
    set_version v1
    set_options --start-delay 600
    start_with_library "$TESTS/poll" --port "$PORT" --version-file version --options-file options
    wait_for_log 'generation 1: does not wait for clients after'
    wait_until ask "$PORT"
    set_options
    serves_version "$PORT" v1
    kill -0 "$PID"
}

@test "a listener in a process that cannot be asked, since it has entered a seccomp filter" {
    start_server "$TESTS/odd" --sandbox --keep-listener --port "$PORT"
    keep "$PORT"
    echo here >&"$KEPT"
    read -r -t 5 <&"$KEPT" # it has entered it
    upgrade_fails 'process [0-9]+ of generation 1 holds a listener in a seccomp filter of its own'
    close_kept
    upgrade
}

@test "a server with too few descriptors to retire, under a hard limit" {
    mkfifo words
    # shellcheck disable=SC2016 # for the shell that is started
    start_server sh -c 'ulimit -n 64; exec "$@"' sh "$TESTS/threads" "$PORT" words accept
    echo tight >words
    wait_for_log '^done tight' "$OUT"
    upgrade_fails 'cannot list its listeners: Too many open files'
    equal "$(ask "$PORT")" "1 $(first_pid 1) token"
}

@test "flags that a failed generation sets until it is killed" {
    local flags

    requires python3
    cat >server.py <<'END'
import fcntl, os, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(7)
while os.path.exists("bad"):
    fcntl.fcntl(listener, fcntl.F_SETFL, os.O_NONBLOCK)
while True:
    client, _ = listener.accept()
    client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100).split()[-1] + b"\n"))
    client.close()
END
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 1)
    export TFPRELOAD_READY_TIMEOUT
    start_server python3 server.py "$PORT"
    flags=$(flags_of_listener)
    touch bad
    upgrade_fails 'not ready within'
    wait_until only_generation_1
    equal "$(flags_of_listener)" "$flags" "flags"
    serves_version "$PORT" v1
}

# O_NONBLOCK and the like, as /proc has them
flags_of_listener() {
    local fd

    fd=$(descriptors "$(first_pid 1)" | awk '/socket/ { print $1; exit }')
    sed -n 's/^flags:[[:space:]]*//p' "/proc/$(first_pid 1)/fdinfo/$fd"
}

@test "who gets a signal for each client (O_ASYNC) is restored" {
    requires python3
    cat >server.py <<'END'
import fcntl, os, signal, socket, sys, time

def answer(*_):
    try:
        while True:
            client, _ = listener.accept()
            client.setblocking(True)
            client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100).split()[-1] + b"\n"))
            client.close()
    except BlockingIOError:
        pass

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setblocking(False)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(7)
bad = os.path.exists("bad")
signal.signal(signal.SIGUSR2 if bad else signal.SIGIO, signal.SIG_IGN if bad else answer)
fcntl.fcntl(listener, fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(listener, fcntl.F_SETSIG, signal.SIGUSR2 if bad else 0)
fcntl.fcntl(listener, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
if bad:
    open("taken", "w").close()
    while not os.path.exists("go"):
        time.sleep(.01)
    sys.exit(3)
answer()
while True:
    signal.pause()
END
    start_server python3 server.py "$PORT"
    serves_version "$PORT" v1
    touch bad
    kill -HUP "$PID"
    wait_until test -e taken
    serves_who_waited v1 # of whom the kernel has told the new one
    wait_for_log 'generation 2: upgrade failed: exited with status 3'
    serves_version "$PORT" v1
}

@test "the credentials that a unix client sees are the server's still" {
    requires python3
    cat >server.py <<'END'
import os, socket, sys
if os.path.exists("bad"):
    sys.exit(1)
listener = socket.socket(socket.AF_UNIX)
listener.bind("socket")
listener.listen(7)
while True:
    listener.accept()[0].close()
END
    start_server python3 server.py
    touch bad
    upgrade_fails 'exited with status 1'
    equal "$(python3 -c '
import socket, struct
client = socket.socket(socket.AF_UNIX)
client.connect("socket")
print(struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
')" "$(first_pid 1)" "pid of the peer"
}

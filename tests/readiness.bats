#!/usr/bin/env bats
#
# TFPRELOAD_READY: what else can say that a generation is ready.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# The pid of a generation that has been started, whether it is ready or not.
started_pid() {
    sed -nE "s/^tfpreload: generation $1: started, pid ([0-9]+),.*/\\1/p" "$LOG"
}

answered_by() {
    [[ $(ask "$PORT") == *" $1 "* ]]
}

# a python server that waits for the file `go`, and then does "$1" with its descriptor 5
write_server() {
    cat >server.py <<END
import os, socket, sys, threading, time
def say():
    while not os.path.exists("go"):
        time.sleep(0.02)
    $1
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(64)
threading.Thread(target=say, daemon=True).start()
while True:
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(b"v %d token\n" % os.getpid())
    client.close()
END
}

@test "a server without a free descriptor when it first waits for clients" {
    mkfifo words
    start_server "$TESTS/threads" "$PORT" "$PWD/words" full look free look
    has_log '^done free' "$OUT"
}

# bats test_tags=fast
@test "fd: a newline on the descriptor, and not before" {
    write_server 'os.write(5, b"\n"); os.close(5)'
    touch go
    export TFPRELOAD_READY=fd:5
    start_server python3 server.py "$PORT"
    rm go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    wait_until answered_by "$(started_pid 2)"
    has_no_log 'generation 2: ready'
    touch go
    wait_ready 2
    wait_retired 1
}

@test "fd: text without a newline, and the end of the pipe, are not ready" {
    write_server 'os.write(5, b"soon"); os.close(5)'
    touch go
    export TFPRELOAD_READY=fd:5 TFPRELOAD_READY_TIMEOUT=1
    start_with_library python3 server.py "$PORT"
    wait_for_log '^tfpreload: generation 1: not ready after 1\.[0-9] s: it has written no newline to descriptor 5; it runs on$'
    wait_until answered_by "$(children "$PID" | tr -d ' ')"
}

# ---- later than the ready timeout ----

@test "a first generation that is ready late" {
    export TFPRELOAD_READY_TIMEOUT=0.3 TFPRELOAD_PIDFILE=$PWD/pidfile
    start_with_library "$TESTS/poll" --port "$PORT" --version v1 --start-when go
    wait_for_log 'generation 1: does not wait for clients after'
    has_no_log 'generation 1: ready'
    touch go
    wait_ready 1
    ask "$PORT"
    wait_until grep -qx "$PID" pidfile
    "$HELPER" wait "$PID"
    kill -HUP "$PID"
    wait_for_log 'generation 2: started, pid [0-9]+, with 1 inherited listener'
}

@test "fd: a newline that comes late does no harm" {
    write_server 'os.write(5, b"\n"); os.close(5)'
    export TFPRELOAD_READY=fd:5 TFPRELOAD_READY_TIMEOUT=0.5
    start_with_library python3 server.py "$PORT"
    wait_for_log 'generation 1: not ready after'
    touch go
    wait_ready 1
    ask "$PORT"
}

@test "fd: the server finds nothing else open than it asked for" {
    start "$HELPER" --ready fd:7 -- sh -c 'ls -l /proc/self/fd >fds; echo >&7; exec sleep 60'
    wait_ready 1
    grep -q '7 -> pipe:' fds
    equal "$(grep -c ' [3-9] -> \(pipe\|socket\):' fds)" 1 "pipes and sockets: $(cat fds)"
    kill "$PID"
}

@test "notify: READY=1 without any manager" {
    touch go
    export TFPRELOAD_READY=notify
    start_server python3 "$PROGRAMS/speaker.py" "$PORT" go
    rm go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    wait_until answered_by "$(started_pid 2)"
    has_no_log 'generation 2: ready'
    touch go
    wait_ready 2
}

@test "notify: a generation that never says it fails, and the old one serves on" {
    touch go
    export TFPRELOAD_READY=notify TFPRELOAD_READY_TIMEOUT=1
    start_server python3 "$PROGRAMS/speaker.py" "$PORT" go
    rm go
    upgrade_fails 'not ready within the ready timeout of 1\.0 s: it has not said READY=1'
    answered_by "$(first_pid 1)"
}

@test "notify: systemd-notify(1) will do, though it is gone at once" {
    requires systemd-notify
    export TFPRELOAD_READY=notify
    start "$HELPER" -- sh -c 'systemd-notify --ready; exec sleep 60'
    wait_ready 1
    kill "$PID"
}

@test "delay: it is ready once it has lived so long" {
    local ready

    set_version v1
    start "$HELPER" --ready delay:0.5 -- "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    ready=$(sed -nE 's/.*generation 1: ready after ([0-9.]+ m?s).*/\1/p' "$LOG")
    [[ $ready =~ ^([5-9][0-9]{2}' ms'|[1-9][0-9]*\.[0-9]' s')$ ]] || fail "ready after $ready"
    upgrade v2
    serves_version "$PORT" v2
}

@test "delay: a datagram socket does not cut it short" {
    set_version v1
    start "$HELPER" --ready delay:0.5 -- "$TESTS/udp-server" -4 "$PORT" "$PWD/version"
    wait_ready 1
    has_log 'generation 1: ready after ([5-9].. ms|[0-9.]+ s)'
}

@test "delay: it may be longer than the ready timeout" {
    start "$HELPER" --ready delay:1.2 --ready-timeout 0.5 -- sleep 60
    wait_ready 1
    has_no_log 'not ready'
    kill "$PID"
}

@test "delay: one that ends before is a failure" {
    export TFPRELOAD_READY=delay:0.2
    serve poll
    set_options --crash
    upgrade_fails 'before it was ready'
}

@test "exec: a probe that succeeds, asked again until it does" {
    export TFPRELOAD_READY='exec:echo "$TFPRELOAD_GENERATION $TFPRELOAD_PID" >>asked; test -e go'
    set_version v1
    start_with_library "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_until asked_often
    has_no_log 'generation 1: ready'
    touch go
    wait_ready 1
    grep -qx "1 $(first_pid 1)" asked
    upgrade v2
    grep -qx "2 $(first_pid 2)" asked
    start_load "$PORT" --clients 4
    upgrade v3
    stop_load
}

asked_often() {
    [[ $(wc -l <asked) -ge 3 ]]
}

@test "exec: a probe that the old generation answers does not hurry the new one" {
    export TFPRELOAD_READY="exec:python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", $PORT))'"
    serve poll
    set_options --start-delay 1500
    start_load "$PORT" --clients 4
    upgrade v2
    has_no_log 'does not listen on'
    serves_version "$PORT" v2
    stop_load
}

@test "exec: a probe that never succeeds fails the upgrade, and none is left" {
    touch go
    export TFPRELOAD_READY='exec:test -e go || exec sleep 300' TFPRELOAD_READY_TIMEOUT=1
    serve poll
    rm go
    upgrade_fails 'not ready within the ready timeout of 1\.0 s: the probe does not succeed: test -e go'
    serves_version "$PORT" v1
    # clean_up finds a probe that is left behind
}

@test "exec: probes are no processes of the server" {
    export TFPRELOAD_READY='exec:echo $$ >probe; until [ -e go ]; do sleep 0.05; done'
    set_version v1
    start_with_library "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_until test -s probe
    run "$HELPER" status --json "$PID"
    [[ $output != *"\"pid\":$(cat probe),"* ]] || fail "$output"
    touch go
    wait_ready 1
}

# waits_through HOW: the listener is in an epoll set that is waited on so
waits_through() {
    requires python3
    set_version v1
    start_server python3 "$PROGRAMS/nested.py" "$1" "$PORT" version
    upgrade v2
    serves_version "$PORT" v2
}

@test "a listener in an epoll set that is polled" {
    waits_through poll
}

@test "a listener in an epoll set that is waited on by select" {
    waits_through select
}

@test "a listener in an epoll set that is in another one" {
    waits_through epoll
}

@test "a listener in an epoll set that is in another one, which is polled" {
    waits_through deep
}

# ---- waits that no wrapper sees ----

# is_seen_late HOW: no client has to come first, to any generation
is_seen_late() {
    start_server "$TESTS/late" "$PORT" "$1"
    upgrade
    upgrade
    equal "$(ask "$PORT")" "1 $(first_pid 3) token"
}

@test "a listener that is added to an epoll set which another thread waits on" {
    is_seen_late register
}

# What poll() has told of may be taken by the other generation: upgrade/blocking.c.
@test "one that blocks, is added so, and must not while generations share it" {
    start_server "$TESTS/late" "$PORT" register-blocks
    upgrade
    ((8#$(awk '/^flags:/ { print $2 }' "/proc/$(first_pid 2)/fdinfo/$(listener_of "$(first_pid 2)")") & 04000)) ||
        fail "it blocks"
    equal "$(ask "$PORT")" "1 $(first_pid 2) token"
}

# listener_of PID: the number of its only socket
listener_of() {
    descriptors "$1" | awk '$2 == "socket" { print $1 }'
}

@test "a socket in an epoll set that another thread waits on, which listens then" {
    is_seen_late listen
}

@test "a listener that is added to a set in an epoll set that another thread waits on" {
    is_seen_late nested
}

@test "a listener on any port that is added to an epoll set which another thread waits on" {
    start_server "$TESTS/late" 0 register
    upgrade
}

@test "epoll by system calls past libc" {
    is_seen_late raw-epoll
}

@test "accept by system calls past libc" {
    is_seen_late raw-accept
}

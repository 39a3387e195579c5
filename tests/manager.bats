#!/usr/bin/env bats
#
# What a service manager is told by sd_notify(3), and what of the server's own words it gets. The
# manager is a stand-in; tests/systemd.bats has the real one.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# start_manager: what it is told is in the file `told`
start_manager() {
    export NOTIFY_SOCKET=${1:-$PWD/notify}
    python3 "$PROGRAMS/manager.py" "$NOTIFY_SOCKET" >told 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    wait_for_log listening told
}

wait_told() {
    wait_for_log "$1" told
}

# speak READY-FILE: a server that says READY=1 when that is there
speak() {
    VERSION=${VERSION:-1} start_with_library python3 "$PROGRAMS/speaker.py" "$PORT" "$1"
}

# say LINE: what the server does because of it
say() {
    local connection answer

    exec {connection}<>"/dev/tcp/127.0.0.1/$PORT"
    echo "$1" >&"$connection"
    IFS= read -rt "$PATIENCE" -u "$connection" answer || fail "no answer to $1"
    exec {connection}>&-
}

# reads_notify_socket PID: into `name`. While a process executes, it has no environment.
reads_notify_socket() {
    name=$(tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^NOTIFY_SOCKET=@//p')
    [[ $name ]]
}

# notify_socket GENERATION: the abstract name that it has in its environment, ready or not
notify_socket() {
    local first name

    first=$(sed -n "s/^tfpreload: generation $1: started, pid \([0-9]*\).*/\1/p" "$LOG")
    # that of the first generation is a line of the level debug
    [[ $first ]] || first=$(first_pid "$1")
    [[ $first ]] || first=$(children "$PID" | cut -d ' ' -f 1)
    wait_until reads_notify_socket "$first" && echo "$name"
}

serves_at_all() {
    ask "$PORT"
}

# ---- towards the manager ----

@test "the manager learns of ready, of each upgrade, and of the end" {
    start_manager
    serve epoll-level
    wait_told '^READY=1\|STATUS=Generation 1 serves'
    has_log '^EXTEND_TIMEOUT_USEC=70000000$' told
    upgrade v2
    wait_told '^RELOADING=1\|MONOTONIC_USEC=[0-9]+\|EXTEND_TIMEOUT_USEC=[0-9]+\|STATUS=Upgrading to generation 2$'
    wait_told '^READY=1\|STATUS=Generation 2 serves'
    kill -TERM "$PID"
    wait_end
    wait_told '^STOPPING=1'
    has_no_log MAINPID told
}

@test "an abstract notify socket will do as well" {
    start_manager "@$TFP_TEST_ID"
    serve poll
    wait_told '^READY=1'
}

@test "RELOADING=1 carries the time of the monotonic clock" {
    local now told

    start_manager
    serve poll
    upgrade
    wait_told '^RELOADING=1'
    now=$(python3 -c 'import time; print(int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6))')
    told=$(sed -nE 's/^RELOADING=1\|MONOTONIC_USEC=([0-9]+).*/\1/p' told)
    ((told <= now && told > now - 60000000)) || fail "$told is not a moment before $now"
}

@test "an upgrade that fails ends the reload as well, and the status says why" {
    start_manager
    serve epoll-level
    set_options --crash
    kill -HUP "$PID"
    wait_for_log 'generation 2: upgrade failed'
    wait_told '^READY=1\|STATUS=The upgrade to generation 2 failed: .*; generation 1 serves on'
}

@test "the status counts the connections that are left" {
    start_manager
    serve epoll-level
    keep "$PORT"
    ask_kept
    upgrade v2
    wait_told '^STATUS=Generation 2 serves; generation 1 has 1 connection left'
    close_kept
    wait_told '^STATUS=Generation 2 serves; generation 1 has 0 connections left'
}

@test "a manager that does not read holds nothing up" {
    start_manager
    kill -STOP "${STARTED[0]}"
    serve epoll-level
    for version in v2 v3 v4 v5 v6 v7 v8 v9; do
        upgrade "$version"
    done
    serves_version "$PORT" v9
    kill -CONT "${STARTED[0]}"
}

@test "without a manager the server gets no notify socket" {
    serve poll
    refute grep -zq '^NOTIFY_SOCKET=' "/proc/$(first_pid 1)/environ"
}

# ---- from the server ----

@test "a server that says READY=1 decides when the next generation is ready" {
    start_manager
    touch go
    speak go
    wait_ready 1
    wait_told 'STATUS=speaking'
    rm go
    export VERSION=2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    # it serves by now, beside the old one, and is not ready all the same
    wait_until answered_by "$(sed -nE 's/.*generation 2: started, pid ([0-9]+),.*/\1/p' "$LOG")"
    has_no_log 'generation 2: ready'
    touch go
    wait_ready 2
    wait_retired 1
}

answered_by() {
    [[ $(ask "$PORT") == "1 $1 token" ]]
}

@test "only the current generation's words are passed on" {
    start_manager
    touch go
    speak go
    wait_ready 1
    say 'SAY STATUS=first|WATCHDOG=1'
    wait_told '^STATUS=first\|WATCHDOG=1$'
    upgrade
    say 'SAY STATUS=second'
    wait_told '^STATUS=second$'
}

@test "an old generation's words are not" {
    start_manager
    touch go
    speak go
    wait_ready 1
    keep "$PORT" # a connection that the old one has accepted
    wait_until queue_has "$PORT" 0
    upgrade
    # by its own notify socket, as any process of it might
    python3 - "$(notify_socket 1)" <<'END'
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"STATUS=from the past\nSTOPPING=1", "\0" + sys.argv[1])
END
    say 'SAY STATUS=from the present'
    wait_told '^STATUS=from the present$'
    has_no_log 'from the past' told
}

@test "MAINPID is ours, and stays so" {
    start_manager
    touch go
    speak go
    wait_ready 1
    say 'SAY MAINPID=1|STATUS=mine'
    wait_told '^STATUS=mine$'
    has_no_log MAINPID told
}

has_descriptors() { # COUNT
    equal "$(descriptors "$PID" | wc -l)" "$1" "descriptors"
}

@test "descriptors that a server stores reach the manager, and do not stay in the helper" {
    local before

    start_manager
    touch go
    speak go
    wait_ready 1
    before=$(steady_descriptors "$PID" | wc -l)
    say 'KEEP FDSTORE=1|FDNAME=state'
    wait_told '^FDSTORE=1\|FDNAME=state \+1$'
    wait_until has_descriptors "$before"
}

@test "a READY=1 that comes late is not said twice" {
    start_manager
    touch go
    speak go
    wait_ready 1
    upgrade
    wait_told 'Generation 2 serves'
    say 'SAY STATUS=over'
    wait_told '^STATUS=over$'
    equal "$(count_log '^READY=1\|STATUS=Generation 2' told)" 1 "how often"
}

# extends_by MICROSECONDS
extends_by() {
    start_manager
    touch go
    export TFPRELOAD_READY=notify TFPRELOAD_READY_TIMEOUT=6 # a busy machine takes some of it to start Python
    speak go
    wait_ready 1
    rm go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    python3 - "$(notify_socket 2)" "$1" <<'END'
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"EXTEND_TIMEOUT_USEC=" + sys.argv[2].encode(), "\0" + sys.argv[1])
END
    timeout 7 tail -f /dev/null || true # longer than the timeout that was
    touch go
    wait_ready 2
    has_no_log 'upgrade failed'
}

@test "EXTEND_TIMEOUT_USEC moves the ready timeout" {
    extends_by 30000000
}

@test "EXTEND_TIMEOUT_USEC with more than a clock can hold moves it, too" {
    extends_by 9223372036854776 # as nanoseconds it does not fit
}

@test "what is no notification is dropped" {
    local socket

    start_manager
    touch go
    speak go
    wait_ready 1
    socket=$(notify_socket 1)
    python3 - "$socket" <<'END'
import os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.connect("\0" + sys.argv[1])
    for text in (b"", b"\0\0\0", b"x" * 4095, b"x" * 65536, os.urandom(4096), b"\n" * 4000, b"=\n=="):
        sender.send(text)
END
    upgrade
    serves_at_all
}

@test "WATCHDOG_PID is the server's own in each generation" {
    start_manager
    touch go
    # as a manager does it: the pid that it has started
    start sh -c "WATCHDOG_USEC=30000000 WATCHDOG_PID=\$\$ LD_PRELOAD='$LIBRARY' \
        exec python3 '$PROGRAMS/speaker.py' $PORT go"
    wait_ready 1
    grep -zqx "WATCHDOG_PID=$(first_pid 1)" "/proc/$(first_pid 1)/environ"
    upgrade
    grep -zqx "WATCHDOG_PID=$(first_pid 2)" "/proc/$(first_pid 2)/environ"
}

# ---- socket activation ----

@test "a server that has never heard of socket activation adopts what the manager opened" {
    local inode

    set_version v1
    start python3 "$PROGRAMS/activate.py" "$PORT" \
        "$HELPER" -- "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    serves_version "$PORT" v1
    inode=$(readlink "/proc/$PID/fd/3")
    # the descriptor that it was given, and the one that it has bound
    equal "$(find "/proc/$(first_pid 1)/fd" -type l -printf '%l\n' | grep -cFx "$inode")" 2 "adopted"
    start_load "$PORT" --clients 4
    upgrade v2
    upgrade v3
    serves_version "$PORT" v3
    stop_load
}

# The shell in between stands for the manager, which keeps the socket.
# shellcheck disable=SC2016 # for the shells in there
@test "a daemon leaves what the manager opened as it was, and each generation is told of it" {
    local manager

    set_version v1
    start python3 "$PROGRAMS/activate.py" "$PORT" sh -c \
        'sh -c '\''LISTEN_PID=$$ exec "$@"'\'' sh "$@"; exec sleep 60' sh "$HELPER" -- \
        "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    manager=$PID
    wait_ready 1
    PID=$(cat pid)
    STARTED+=("$PID")
    upgrade v2
    STARTED+=("$(cat pid)")
    # the process that was executed, which has ended
    grep -zqx "LISTEN_PID=$(first_pid 2)" "/proc/$(cat pid)/environ"
    "$HELPER" stop --timeout "$PATIENCE" "$(cat pid)"
    timeout "$PATIENCE" bash -c "exec 9<>/dev/tcp/127.0.0.1/$PORT" || fail "nobody is let in"
    kill "$manager"
}

@test "a client that came before the server was started is served" {
    local connection answer

    set_version v1
    start python3 "$PROGRAMS/activate.py" "$PORT" sh -c \
        "until [ -e go ]; do sleep 0.02; done; LISTEN_PID=\$\$ exec '$HELPER' -- \
        '$TESTS/poll' --port $PORT --version-file '$PWD/version'"
    wait_until ss_listens
    exec {connection}<>"/dev/tcp/127.0.0.1/$PORT"
    echo "GET early" >&"$connection"
    touch go
    IFS= read -rt "$PATIENCE" -u "$connection" answer || fail "no answer"
    exec {connection}>&-
    [[ $answer == "v1 "*" early" ]] || fail "$answer"
}

ss_listens() {
    ss -Hltn "sport = :$PORT" | grep -q .
}

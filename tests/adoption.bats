#!/usr/bin/env bats
#
# What a new version listens on, and what of its own it finds on the sockets that it inherits.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- what a version listens on ----

@test "several listeners, IPv4 and IPv6" {
    local name second third

    for name in "${SERVERS[@]}"; do
        PORT=$(free_port)
        second=$(free_port)
        third=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name" --listen "127.0.0.1:$second" --listen "[::1]:$third"
        start_load "$second" --clients 2
        upgrade v2
        has_log "generation 2: started, pid [0-9]+, with 3 inherited listeners"
        serves_version "$PORT" v2
        serves_version "$second" v2
        serves_version "$third" v2 ::1
        stop_load
        kill -TERM "$PID"
        wait_end
    done
}

# A goroutine's stack is small, and who has a handler in a Go program asks for the other one.
@test "a thread on a small stack, in a program that has the Go runtime" {
    start_server "$TESTS/small-stack" "$PORT"
    equal "$(ask "$PORT")" large "before it is on the small stack"
    equal "$(ask "$PORT")" small "the answer"
    upgrade
    equal "$(ask "$PORT")" large "the answer of the new version"
    equal "$(ask "$PORT")" small "the answer of the new version"
    has_no_log SIGSEGV "$LOG"
}

@test "threads that share an alternate signal stack" {
    local i

    set_version v1
    start_server "$TESTS/thread" --version-file "$PWD/version" --listen "127.0.0.1:$PORT" \
        --listen "127.0.0.2:$PORT" --listen "127.0.0.3:$PORT" --listen "127.0.0.4:$PORT"
    for i in 2 3 4 5; do
        keep "$PORT"
        upgrade "v$i"
        equal "$(ask_kept)" "v$((i - 1)) $(first_pid $((i - 1))) kept"
    done
    serves_version "$PORT" v5
}

# sshd's processes before the login, for one: the handlers of SIGURG and SIGHUP would be their end.
@test "a client in a process that may make no system calls but read and write" {
    start_server "$TESTS/odd" --sandbox --ignore 1 --port "$PORT"
    keep "$PORT"
    echoes before
    upgrade
    upgrade
    kill -HUP "$(children "$(first_pid 1)")" # as killall does
    echoes after
    close_kept
    wait_generation_gone 1
}

echoes() {
    local answer

    echo "$1" >&"$KEPT"
    read -r -t 5 answer <&"$KEPT" || fail "no answer to '$1': its process has ended"
    equal "$answer" "$1" "answer"
}

@test "the same port on 0.0.0.0 and [::]" {
    set_version v1
    start_server "$TESTS/epoll-level" --listen "0.0.0.0:$PORT" --listen "[::]:$PORT" \
        --version-file "$PWD/version"
    start_load "$PORT" --clients 2
    upgrade v2
    has_log "generation 2: started, pid [0-9]+, with 2 inherited listeners"
    serves_version "$PORT" v2
    serves_version "$PORT" v2 ::1
    upgrade v3
    serves_version "$PORT" v3
    serves_version "$PORT" v3 ::1
    stop_load
    has_no_log 'does not listen'
}

@test "a version that listens on one more address" {
    local second

    second=$(free_port)
    serve poll
    start_load "$PORT" --clients 2
    set_options --listen "127.0.0.1:$second"
    upgrade v2
    serves_version "$PORT" v2
    serves_version "$second" v2
    upgrade v3
    serves_version "$PORT" v3
    serves_version "$second" v3
    stop_load
}

@test "a version that listens on one fewer address" {
    local second

    second=$(free_port)
    set_options --listen "127.0.0.1:$second"
    serve select
    serves_version "$second" v1
    start_load "$PORT" --clients 2
    set_options
    upgrade v2
    serves_version "$PORT" v2
    has_log "generation 2: does not listen on 127.0.0.1:$second any more: it is closed"
    wait_until refuses "$second"
    # and back again
    set_options --listen "127.0.0.1:$second"
    upgrade v3
    serves_version "$second" v3
    stop_load
}

@test "a listener that is given up is closed, however its generation has ended" {
    local second

    second=$(free_port)
    set_options --listen "127.0.0.1:$second"
    serve epoll-level
    set_options --start-when go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -STOP "$(first_pid 1)" # it will not retire
    touch go
    wait_for_log "generation 2: does not listen on 127.0.0.1:$second any more"
    kill -KILL "$(first_pid 1)"
    wait_for_log 'generation 1: was killed by SIGKILL before it had retired'
    wait_until refuses "$second"
    serves_version "$PORT" v1
}

@test "nobody who waits at a listener that is given up is lost" {
    local second failure

    second=$(free_port)
    set_options --listen "127.0.0.1:$second"
    serve epoll-level
    start_load "$second" --clients 4
    set_options
    upgrade v2
    wait_until refuses "$second"
    kill -TERM "$LOAD_PID"
    wait_gone "$LOAD_PID"
    LOAD_PID=
    # a port that is closed refuses, but whoever was let in is answered
    for failure in reset closed_early short wrong timeout other; do
        equal "$(load_value "$failure")" 0 "$failure"
    done
}

@test "a version that listens on another address" {
    local second

    second=$(free_port)
    set_version v1
    set_options --port "$PORT"
    start_server "$TESTS/thread" --version-file "$PWD/version" --options-file "$PWD/options"
    serves_version "$PORT" v1
    set_options --port "$second"
    upgrade v2
    serves_version "$second" v2
    wait_until refuses "$PORT"
    set_options --port "$PORT"
    upgrade v3
    serves_version "$PORT" v3
    wait_until refuses "$second"
}

@test "a port that the kernel has chosen is kept" {
    set_version v1
    start_server "$TESTS/epoll-edge" --port 0 --port 0 --print-port --version-file "$PWD/version"
    wait_until has_lines 2 "$OUT"
    PORT=$(sed -n 's/^port //p' "$OUT" | head -n 1)
    start_load "$PORT" --clients 2
    upgrade v2
    upgrade v3
    stop_load
    wait_until has_lines 6 "$OUT"
    equal "$(sed -n 3,4p "$OUT")" "$(sed -n 1,2p "$OUT")" "the ports of generation 2"
    equal "$(sed -n 5,6p "$OUT")" "$(sed -n 1,2p "$OUT")" "the ports of generation 3"
}

has_lines() {
    (($(wc -l <"$2") >= $1))
}

@test "SO_REUSEPORT: each of several listeners on one port is inherited" {
    set_version v1
    start_server "$TESTS/prefork" --reuseport --listen "127.0.0.1:$PORT" \
        --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT" --workers 6 \
        --version-file "$PWD/version"
    start_load "$PORT" --clients 4
    upgrade v2
    has_log "generation 2: started, pid [0-9]+, with 3 inherited listeners"
    upgrade v3
    serves_version "$PORT" v3
    stop_load
    has_no_log 'does not listen'
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 3 "listeners on the port"
}

listeners_on_port() {
    ss -Hltne "sport = :$PORT" | grep -oE 'ino:[0-9]+' | sort
}

has_listeners() {
    [[ $(listeners_on_port | wc -l) == "$1" ]]
}

@test "SO_REUSEPORT: what is bound to try the address is left for the workers" {
    local before

    start_server python3 -u "$PROGRAMS/reuseport_workers.py" "$PORT" 0.2
    wait_until has_listeners 2
    before=$(listeners_on_port)
    start_load "$PORT" --clients 4
    upgrade
    upgrade
    stop_load
    has_no_log 'does not listen'
    equal "$(listeners_on_port)" "$before" "listeners on the port"
}

# ---- what is carried over on adoption ----

# states FILE: the state number N that `adoption` has printed
state() {
    awk -v wanted="$2" '/^state of/ { number++ } number == wanted' "$1" | sed '/^end of state/q'
}

has_states() {
    (($(count_log '^end of state' "$2") >= $1))
}

@test "number, flags, options and epoll registrations made before bind are those of the new version" {
    local variant

    for variant in rich plain; do
        echo "$variant" >variant
        OUT=$BATS_TEST_TMPDIR/out-$variant start "$TESTS/adoption" "$(free_port)" variant
        wait_until has_states 1 "$BATS_TEST_TMPDIR/out-$variant"
        kill -TERM "$PID"
    done
    echo plain >variant
    start_server "$TESTS/adoption" "$PORT" variant
    for variant in plain rich plain rich rich; do
        echo "$variant" >>variants
        echo "$variant" >variant
        upgrade
        wait_until has_states "$(($(wc -l <variants) + 1))" "$OUT"
        state "$OUT" "$(($(wc -l <variants) + 1))" >adopted
        diff <(grep -v non-blocking "$BATS_TEST_TMPDIR/out-$variant") \
            <(grep -v non-blocking adopted) || fail "adopted as $variant"
        equal "$(ask "$PORT")" "1 $(first_pid "$(current_generation)") token" "after $variant"
    done
}

@test "O_NONBLOCK is what the new version asked for" {
    echo rich >variant
    start_server "$TESTS/adoption" "$PORT" variant
    echo plain >variant
    upgrade
    wait_until has_states 2 "$OUT"
    equal "$(state "$OUT" 2 | grep non-blocking)" "non-blocking 0" "after rich"
    echo rich >variant
    upgrade
    wait_until has_states 3 "$OUT"
    equal "$(state "$OUT" 3 | grep non-blocking)" "non-blocking 1" "after plain"
}

changes_blocking_under_load() {
    local name=$1 number=1 mode

    serve "$name" --workers 12
    start_load "$PORT" --clients 4 --kept 2 --kept-interval 10 --kept-life 0.5
    for mode in --nonblock --block --nonblock --block; do
        number=$((number + 1))
        set_options "$mode"
        upgrade "v$number"
        serves_version "$PORT" "v$number"
    done
    stop_load
}

@test "fork: between blocking and non-blocking under load" {
    changes_blocking_under_load fork
}

# As with a process for each client on a busy machine, where none has had the time to answer yet.
@test "there is always a new child that has not answered, and the upgrade goes on" {
    requires python3
    cat >server.py <<'END'
import os, select, signal, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
children = []
while True:
    if not os.path.exists("calm"):
        children.append(os.fork())
        if children[-1] == 0:
            signal.pause()
        os.kill(children[-1], signal.SIGSTOP)
    if len(children) > 10 or os.path.exists("calm") and children:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children.pop(0), 0)
    if select.select([listener], [], [], 0.02)[0]:
        with listener.accept()[0] as client:
            client.recv(100)
            client.sendall(b"1 %d token\n" % os.getpid())
END
    touch calm
    start_server python3 server.py "$PORT"
    rm calm
    wait_until has_children "$(first_pid 1)"
    kill -HUP "$PID"
    wait_for_log 'generation 2: (started|upgrade failed)'
    touch calm
    wait_ready 2
    wait_generation_gone 1
    equal "$(ask "$PORT")" "1 $(first_pid 2) token"
}

@test "thread: between blocking and non-blocking under load" {
    changes_blocking_under_load thread
}

@test "prefork: between blocking and non-blocking under load" {
    changes_blocking_under_load prefork
}

@test "poll: between blocking and non-blocking under load" {
    changes_blocking_under_load poll
}

@test "select: between blocking and non-blocking under load" {
    changes_blocking_under_load select
}

@test "epoll-level: between blocking and non-blocking under load" {
    changes_blocking_under_load epoll-level
}

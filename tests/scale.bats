#!/usr/bin/env bats
#
# Many connections, listeners and processes: what an upgrade costs the server and the helper grows
# with them, and no faster.

load helpers

# ask_many PORT COUNT: kept connections, asked without a pause until descriptor ASKING is closed
ask_many() {
    ulimit -n "$(($2 + 200))" || skip "no more than $(ulimit -Hn) descriptors"
    rm -f asker-orders
    mkfifo asker-orders
    python3 "$PROGRAMS/many_askers.py" "$1" "$2" <asker-orders >out-asker 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    exec {ASKING}>asker-orders
    KEPT_ALL+=("$ASKING")
    wait_until -t 60 grep -q connected out-asker
}

has_slowest() {
    has_log '^connection .* is lost' out-asker || [[ $(count_log '^slowest' out-asker) -gt $1 ]]
}

# The milliseconds of the slowest answer since this was last asked are in SLOWEST.
note_slowest() {
    local before

    before=$(count_log '^slowest' out-asker)
    echo >&"$ASKING"
    wait_until -t 60 has_slowest "$before" || return 1
    has_no_log 'is lost' out-asker || fail "a kept connection was cut" || return 1
    SLOWEST=$(sed -n 's/^slowest //p' out-asker | tail -n 1)
}

# Programs that compute, as many as there are arguments, until the test ends.
start_hogs() {
    local hog

    for hog; do
        timeout 120 nice -n 5 bash -c 'while :; do :; done' "$hog" 3>&- &
        STARTED+=("$!")
    done
}

# serve_quietly SECONDS: how long does the slowest answer take, without an upgrade?
serve_quietly() {
    note_slowest
    sleep "$1" # this is measured, and nothing waited for
    note_slowest
    QUIET=$SLOWEST
}

# hold_many PORT COUNT: so many connections that are left alone, until the test ends
hold_many() {
    local orders

    rm -f holder-orders
    mkfifo holder-orders
    python3 "$PROGRAMS/many_clients.py" "$1" "$2" <holder-orders >out-holder 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    exec {orders}>holder-orders
    KEPT_ALL+=("$orders")
    wait_until -t 60 grep -q connected out-holder
}

# listener_inode PORT: of the one that is bound there
listener_inode() {
    ss -Hlnte "sport = :$1" | sed -nE 's/.* ino:([0-9]+) .*/\1/p' | head -n 1
}

@test "6,000 kept connections on a busy machine: an upgrade retires, and nobody hangs or is cut" {
    requires python3
    export TFPRELOAD_EXIT_TIMEOUT=60
    serve epoll-level
    ask_many "$PORT" 6000
    start_hogs {1..8}
    serve_quietly 2
    upgrade v2
    wait_until -t 60 has_log '^tfpreload: generation 1: retired after'
    wait_until -t 60 has_log '^tfpreload: generation 1: draining 6000 connections'
    note_slowest
    ((SLOWEST <= 10 * QUIET + 1000)) ||
        fail "a client waited $SLOWEST ms, and $QUIET ms without an upgrade"
}

@test "thousands of connections are reported in parts, and all of them" {
    requires python3
    export TFPRELOAD_LOG=debug
    serve epoll-edge
    ask_many "$PORT" 2500
    upgrade v2
    wait_for_log 'generation 1: draining 2500 connections'
    has_log 'order to count on: process'
    note_slowest
}

@test "a server that is held up is looked into now and then, not without a pause" {
    local links

    requires python3 strace
    serve epoll-level
    ask_many "$PORT" 1000
    timeout 60 strace -qq -c -e trace=readlinkat -o trace -p "$PID" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$PID/status"
    kill -STOP "$(first_pid 1)"
    kill -HUP "$PID"
    sleep 1.5 # the time in which it would be looked into
    kill -CONT "$(first_pid 1)"
    wait_for_log 'generation 1: draining 1000 connections'
    kill "${STARTED[-1]}"
    wait_until test -s trace
    links=$(awk '$NF == "readlinkat" { print $4 }' trace)
    ((links <= 12 * 1000)) || fail "$links links were read for 1000 connections"
    note_slowest
}

@test "the kernel need not tell what an epoll set watches of many, where the program itself has said so" {
    requires python3 strace
    serve epoll-level
    hold_many "$PORT" 300
    timeout 60 strace -f -qq -e trace=openat -o trace -p "$(first_pid 1)" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$(first_pid 1)/status"
    upgrade v2
    wait_for_log 'generation 1: draining 300 connections'
    kill "${STARTED[-1]}"
    wait_until grep -q /proc/self trace
    has_no_log fdinfo trace || fail "the text of a set was read: $(grep fdinfo trace)"
    kill -KILL "$(first_pid 2)" # what was said is what is registered when it serves again
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
}

@test "a listener that moves to a connection's number while an upgrade is under way retires there, too" {
    local inode old

    requires python3 ss
    set_version v1
    touch gate
    start_server python3 "$PROGRAMS/moves_listener.py" "$PORT" version gate
    hold_many "$PORT" 300
    old=$(first_pid 1)
    inode=$(listener_inode "$PORT")
    rm gate
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: started'
    kill -USR1 "$old"
    wait_until test -s "$OUT"
    [[ $(cut -d ' ' -f 2 "$OUT") -gt 256 ]] || fail "the listener has moved from and to $(<"$OUT")"
    touch gate
    wait_for_log '^tfpreload: generation 1: retired after'
    [[ $(sockets "$old") != *"$inode"* ]] || fail "process $old has the listener still"
    serves_version "$PORT" v2
}

@test "a look at the processes that takes half a second: those that it finds are no newcomers" {
    requires strace
    serve poll
    timeout 60 strace -qq -e trace=openat -e inject=openat:delay_enter=120000 -o trace -p "$PID" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$PID/status"
    set_version v2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    has_log 'generation 2: started, pid [0-9]+, with 1 inherited listener'
    kill "${STARTED[-1]}"
    wait_ready 2
}

#!/usr/bin/env bats
#
# Servers that end of any error which Linux would not have shown them, in every kind of loop.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- under load ----

# upgrades_in_a_row COUNT RATE NAME [OPTION]...: so many new clients a second, and none is lost
upgrades_in_a_row() {
    local count=$1 rate=$2 i

    shift 2
    serve "$@" --backlog 1024 --untraced
    start_load "$PORT" --rate "$rate" --timeout "$PATIENCE"
    for ((i = 2; i < count + 2; i++)); do
        upgrade "v$i"
    done
    serves_version "$PORT" "v$((count + 1))"
    stop_load
    has_no_log '^(fork|thread|prefork|poll|select|epoll-[a-z]*): '
    has_no_log 'before it had retired'
}

# A moment between being told and accept() is what makes a client come too late for one of the two.
hesitates_and_upgrades() {
    upgrades_in_a_row 6 150 "$@" --accept-delay 2
}

@test "a select loop and 800 new clients a second: twenty upgrades" {
    upgrades_in_a_row 20 800 select
}

@test "a poll loop with a listener that blocks and 800 new clients a second: twenty upgrades" {
    upgrades_in_a_row 20 800 poll --block
}

@test "an epoll loop with a listener that blocks and 800 new clients a second: twenty upgrades" {
    upgrades_in_a_row 20 800 epoll-level --block
}

@test "edge-triggered epoll and 800 new clients a second: twenty upgrades" {
    upgrades_in_a_row 20 800 epoll-edge
}

@test "threads in accept() and 800 new clients a second: twenty upgrades" {
    upgrades_in_a_row 20 800 thread
}

@test "workers that poll before they accept, and 800 new clients a second: twenty upgrades" {
    upgrades_in_a_row 20 800 prefork --told --workers 12
}

@test "a select loop that hesitates before accept" {
    hesitates_and_upgrades select
}

@test "a select loop that hesitates, with a listener that does not block" {
    hesitates_and_upgrades select --nonblock
}

@test "a poll loop that hesitates, with a listener that blocks" {
    hesitates_and_upgrades poll --block
}

@test "a poll loop that hesitates" {
    hesitates_and_upgrades poll
}

@test "an epoll loop that hesitates, with a listener that blocks" {
    hesitates_and_upgrades epoll-level --block
}

@test "an epoll loop that hesitates" {
    hesitates_and_upgrades epoll-level
}

@test "an edge-triggered epoll loop that hesitates" {
    hesitates_and_upgrades epoll-edge
}

@test "workers that hesitate after poll" {
    hesitates_and_upgrades prefork --told --workers 12
}

@test "workers that take turns, and hesitate after poll" {
    hesitates_and_upgrades prefork --lock --workers 12
}

@test "threads that share an epoll set and hesitate" {
    hesitates_and_upgrades epoll-threads --workers 12
}

@test "threads that share an epoll set and hesitate, with a listener that does not block" {
    hesitates_and_upgrades epoll-threads --nonblock --workers 12
}

@test "a thread that waits, and others that hesitate to accept what it was told" {
    hesitates_and_upgrades epoll-threads --told --workers 12
}

# ---- one client, and the loop has been told of it ----

# told NAME ADDRESS-OPTION...: a client is there, and the server hesitates to accept it; another
# client is kept and must not wait. Its successor will not hesitate.
told() {
    set_options --accept-when "$PWD/go"
    touch go
    serve "$@"
    keep "$PORT"
    equal "$(ask_kept | cut -d' ' -f1)" v1
    rm go
    set_options
}

# came_too_late: the successor has that client, and the loop goes on
came_too_late() {
    wait_for_log '^waits for ' "$OUT"
    upgrade v2
    touch go
    equal "$(ask_kept)" "v1 $(first_pid 1) kept"
    serves_version "$PORT" v2
    close_kept
    wait_generation_gone 1
}

@test "the successor took the client: IPv4" {
    told select
    ask "$PORT" >answer 3>&- &
    came_too_late
    has_log '^v2 ' answer
}

@test "the successor took the client: IPv6" {
    local third

    third=$(free_port)
    told select --listen "[::1]:$third"
    ask "$third" ::1 >answer 3>&- &
    came_too_late
    has_log '^v2 ' answer
}

# ask_unix PATH: the same on a unix socket
ask_unix() {
    python3 -c '
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(b"GET token\n")
print(client.recv(1000).decode())' "$1"
}

@test "the successor took the client: a unix path" {
    requires python3
    told select --unix "$PWD/socket"
    ask_unix "$PWD/socket" >answer 3>&- &
    came_too_late
    has_log '^v2 ' answer
}

@test "the successor took the client, and a single descriptor is left" {
    requires prlimit
    told select
    prlimit --pid "$(first_pid 1)" --nofile="$(($(descriptors "$(first_pid 1)" | wc -l) + 1)):"
    ask "$PORT" >answer 3>&- &
    came_too_late
    has_log '^v2 ' answer
}

@test "the successor took the client and failed" {
    local second

    second=$(free_port)
    set_options --accept-when "$PWD/go" --listen "127.0.0.1:$second"
    touch go
    serve select
    keep "$PORT"
    ask_kept >/dev/null
    rm go
    # the next one listens on less, and so is not ready at once
    set_options
    set_version v2
    ask "$PORT" >answer 3>&- &
    wait_for_log '^waits for ' "$OUT"
    kill -HUP "$PID"
    wait_for_log '^v2 ' answer
    kill -KILL "$(sed -nE 's/^tfpreload: generation 2: started, pid ([0-9]+).*/\1/p' "$LOG")"
    wait_for_log 'generation 2: upgrade failed'
    touch go
    equal "$(ask_kept)" "v1 $(first_pid 1) kept"
    serves_version "$PORT" v1
    serves_version "$second" v1
    upgrade v3
}

@test "the successor was ready and ended: what is polled does not block again" {
    local flags

    serve select
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    kill -KILL "$(first_pid 2)"
    wait_until serves_version "$PORT" v1
    # 3 is the listener: it is the first that the server opens
    flags=$(awk '/^flags:/ { print $2 }' "/proc/$(first_pid 1)/fdinfo/3")
    ((8#$flags & 04000)) || fail "it blocks: $flags"
    equal "$(ask_kept)" "v1 $(first_pid 1) kept"
}

# ---- a listener's registration, while it is replaced ----

@test "a thread that changes the listener's registration all the time sees no error" {
    local _

    start_server "$TESTS/rearm" "$PORT"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        upgrade
        ask "$PORT"
    done
    has_no_log 'epoll_ctl'
}

# As Rust's mio has it, and so every server that is built upon tokio.
@test "a set that has two numbers watches its listener as it was told last, upgraded and rolled back" {
    start_server "$TESTS/rearm" "$PORT" duplicate
    upgrade_by "$HELPER" upgrade --hold 60 "$PID"
    ask "$PORT"
    run -0 "$HELPER" rollback "$PID"
    ask "$PORT"
    has_no_log 'epoll_'
}

# Where clients wait as its predecessor retires, a generation's sets are to look again. A thread that
# has been told of one arms the listener anew meanwhile: that must neither fail nor be undone.
@test "what threads arm anew stays armed, while clients wait" {
    local i

    serve epoll-threads --workers 4 --service-time 2
    start_load "$PORT" --clients 24
    for i in {2..9}; do
        upgrade "v$i"
        serves_version "$PORT" "v$i"
    done
    stop_load
    has_no_log '^epoll-threads: '
}

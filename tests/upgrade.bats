#!/usr/bin/env bats
#
# An upgrade that succeeds: nothing is lost, the new version serves, the old one is gone.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- every kind of server, under load ----

upgrades_under_load() {
    local name=$1 number

    # every kept client occupies a worker of prefork
    serve "$name" --workers 12
    start_load "$PORT" --clients 4 --kept 4 --kept-interval 10 --kept-life 0.5
    for number in 2 3 4 5 6; do
        upgrade "v$number"
        serves_version "$PORT" "v$number"
    done
    for number in 1 2 3 4 5; do
        wait_generation_gone "$number"
    done
    stop_load
    equal "$(load_value versions)" 6 "versions seen by the load"
    has_no_log 'exit timeout|killed|has not given up|not gone'
}

# bats test_tags=fast
@test "fork: five upgrades under load lose nothing" {
    upgrades_under_load fork
}

@test "thread: five upgrades under load lose nothing" {
    upgrades_under_load thread
}

@test "prefork: five upgrades under load lose nothing" {
    upgrades_under_load prefork
}

# bats test_tags=fast
@test "poll: five upgrades under load lose nothing" {
    upgrades_under_load poll
}

@test "select: five upgrades under load lose nothing" {
    upgrades_under_load select
}

@test "epoll-level: five upgrades under load lose nothing" {
    upgrades_under_load epoll-level
}

# bats test_tags=fast
@test "epoll-edge: five upgrades under load lose nothing" {
    upgrades_under_load epoll-edge
}

@test "the load counts failures when a server is stopped and started instead" {
    serve epoll-level
    start_load "$PORT" --clients 4
    kill -TERM "$PID"
    wait_end
    kill -TERM "$LOAD_PID"
    wait_gone "$LOAD_PID"
    LOAD_PID=
    [[ $(load_value failed) -gt 0 ]]
}

@test "a server that starts slowly does not make its clients wait" {
    local after

    serve poll
    set_options --start-delay 3000
    start_load "$PORT" --clients 4
    upgrade v2
    stop_load
    after=$(load_value longest_gap_ms)
    [[ ${after%.*} -lt 2500 ]] || fail "longest gap $after ms while the new version started"
}

@test "a request that is being worked on is answered by the version that got it" {
    local name
    local -A ports=() pids=() clients=()

    set_version v1
    set_options --service-time 3000
    for name in "${SERVERS[@]}"; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        serve "$name"
        ports[$name]=$PORT
        pids[$name]=$PID
    done
    for name in "${SERVERS[@]}"; do
        { ask "${ports[$name]}" >"answer-$name"; } 3>&- &
        clients[$name]=$!
    done
    set_options
    for name in "${SERVERS[@]}"; do
        PID=${pids[$name]}
        LOG=$BATS_TEST_TMPDIR/log-$name
        wait_until is_taken "$name" "${ports[$name]}"
        upgrade v2
    done
    for name in "${SERVERS[@]}"; do
        wait "${clients[$name]}"
        equal "$(<"answer-$name")" "v1 $(cut -d' ' -f2 "answer-$name") token" "$name"
        equal "$(ask "${ports[$name]}" | cut -d' ' -f1)" v2 "$name, the next answer"
    done
}

# The server has read all that came on the one connection to its port, or has answered already.
is_taken() {
    [[ -s answer-$1 ]] || ss -Htn state established "sport = :$2" | grep -q '^0 '
}

@test "clients that nobody has accepted yet are not lost" {
    local first second

    touch closed
    start_server "$TESTS/odd" --port "$PORT" --no-accept "$PWD/closed"
    { ask "$PORT" >answer-1; } 3>&- &
    first=$!
    { ask "$PORT" >answer-2; } 3>&- &
    second=$!
    wait_until queue_has "$PORT" 2
    rm closed
    upgrade
    wait "$first"
    wait "$second"
    equal "$(<answer-1)" "1 $(first_pid 2) token"
    equal "$(<answer-2)" "1 $(first_pid 2) token"
}

# ---- servers with odd habits ----

odd_under_load() {
    set_version v1
    start_server "$TESTS/odd" --port "$PORT" --version-file "$PWD/version" "$@"
    start_load "$PORT" --clients 3 --kept 2 --kept-interval 10 --kept-life 0.5
    upgrade v2
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 1
    wait_generation_gone 2
    stop_load
}

@test "a server that closes every descriptor at its start" {
    odd_under_load --close-all
}

@test "a server that resets every signal and blocks all of them" {
    odd_under_load --reset-signals --block-all
}

@test "a server that drops root" {
    requires root
    chmod 755 .
    odd_under_load --uid 65534
}

@test "a server that changes its root directory" {
    requires root
    mkdir empty
    odd_under_load --chroot "$PWD/empty"
}

@test "a server that changes its root directory and drops root" {
    requires root
    mkdir empty
    chmod 755 . empty
    odd_under_load --chroot "$PWD/empty" --uid 65534
}

@test "a server whose descriptors are used up" {
    local i

    ulimit -Sn 24
    serve epoll-level --lenient # this is an error that Linux shows
    ulimit -Sn 1024
    for ((i = 0; i < 30; i++)); do
        keep "$PORT"
    done
    wait_for_log 'accept: Too many open files'
    upgrade v2
    serves_version "$PORT" v2
    close_kept
    wait_generation_gone 1
}

@test "a Python server that knows nothing of us" {
    set_version v1
    start_server python3 -u "$PROGRAMS/http_server.py" "$PORT" version
    start_load "$PORT" --clients 2 --protocol http --expect v
    upgrade v2
    upgrade v3
    stop_load
    start_load "$PORT" --clients 1 --protocol http --expect v3
    stop_load
}

#!/usr/bin/env bats
#
# How much one process may have of the helper: what it says too much, or too often, costs itself, and
# leaves nothing behind. The attacker is the user nobody, in a process of the session.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load messages

setup() {
    prepare
    requires root setpriv
    chmod 777 .
    export TFPRELOAD_LOG=debug
    know_messages
}

# serve_with_rogue WHAT [ARGUMENT]: a server whose first generation has such a worker
serve_with_rogue() {
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ -e rogue ] || env -u LD_PRELOAD "$0" $$ "$1" "$2" >rogue & shift 2; exec "$@"' \
        "$PROGRAMS/rogue.py" "$1" "${2-}" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
}

has_descriptors() {
    equal "$(descriptors "$PID")" "$1" "descriptors of the helper"
}

@test "a worker without listeners that says it cannot list them does not make an upgrade fail" {
    serve_with_rogue errno
    wait_for_log obeys rogue
    keep "$PORT"
    upgrade v2
    serves_version "$PORT" v2
}

@test "a worker that says it was sent the upgrade signal does not start an upgrade" {
    serve_with_rogue asks
    touch go
    wait_until test -s rogue
    has_log 'control: process [0-9]+ of uid 65534 may not ask for an upgrade'
    has_no_log 'generation 2'
    run --separate-stderr "$HELPER" status --json "$PID"
    [[ $output == *'"refused_messages":1,'* ]] || fail "$output"
    upgrade
}

@test "4,096 empty messages with a descriptor each leave none of them open" {
    local before

    serve_with_rogue empty
    wait_for_log waits rogue
    before=$(steady_descriptors "$PID")
    touch go
    wait_for_log sent rogue
    wait_until has_descriptors "$before"
    "$HELPER" status "$PID" >shown
    upgrade
}

@test "a process that holds more than 32 connections loses its own oldest ones" {
    serve_with_rogue crowd 100
    wait_for_log left rogue
    equal "$(<rogue)" "left 31" # and the one that came last
    has_log 'control: too many peers, process [0-9]+ is dropped'
    upgrade
}

@test "a connection that has no end to what it says is heard less often, and holds nobody up" {
    serve_with_rogue endless
    wait_for_log slowed rogue
    equal "$(<rogue)" slowed
    upgrade v2
    upgrade_by timeout 10 "$HELPER" upgrade "$PID"
}

@test "sockets that take their time to close, of another user, do not hold the helper up" {
    export NOTIFY_SOCKET=$PWD/notify
    python3 "$PROGRAMS/manager.py" "$NOTIFY_SOCKET" >told 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    wait_for_log listening told
    set_version v1
    start_server "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    "$PROGRAMS/peer.py" "$(first_pid 1)" lingering 20 >answers 3>&- &
    STARTED+=("$!")
    wait_for_log sent answers
    equal "$(<answers)" "sent True"
    timeout 10 "$HELPER" status "$PID" >shown
    upgrade v2
}

# memory_of PID: its data, in kB
memory_of() {
    sed -n 's/^VmData:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/$1/status"
}

has_lines() {
    equal "$(wc -l <"$1")" "$2" "lines of $1"
}

# hostile_round NUMBER: the flood of this generation, and an upgrade
hostile_round() {
    touch go
    wait_until has_lines rogue "$1"
    rm go
    upgrade
}

# The server and its own rogue
is_alone() {
    equal "$(children "$PID")" "$(first_pid "$(current_generation)") " "children of the helper"
}

# ROUNDS, MESSAGES and MEMORY_ROOM (kB): for a longer run by hand, and for `make valgrind`
@test "upgrades with hostile messages between them leave the helper as it was" {
    local round before memory

    export TFPRELOAD_LOG=info
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c 'env -u LD_PRELOAD "$0" $$ flood "$1" >>rogue & shift; exec "$@"' \
        "$PROGRAMS/rogue.py" "${MESSAGES:-50}" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    # what is allocated once, and never again
    for round in 1 2 3; do hostile_round "$round"; done
    wait_until is_alone
    before=$(steady_descriptors "$PID")
    memory=$(memory_of "$PID")
    for ((round = 4; round < 4 + ${ROUNDS:-8}; round++)); do hostile_round "$round"; done
    wait_until is_alone
    wait_until has_descriptors "$before"
    echo "# $memory kB of data, then $(memory_of "$PID"); $(wc -l <<<"$before") descriptors" >&3
    (($(memory_of "$PID") <= memory + ${MEMORY_ROOM:-132})) # what malloc(3) takes at a time
    serves_version "$PORT" v1
}

#!/usr/bin/env bats
#
# The control socket: who may talk to it, and what the worst of them can do.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load messages

setup() {
    prepare
    know_messages
}

# peer WHAT [COUNT]: by way of the current first process
peer() {
    "$PROGRAMS/peer.py" "$(first_pid "$(current_generation)")" "$@"
}

session_secret() {
    tr '\0' '\n' <"/proc/$(first_pid 1)/environ" | sed -n 's/^TFPRELOAD_SESSION=//p' | cut -d/ -f8
}

session_name() {
    tr '\0' '\n' <"/proc/$(first_pid 1)/environ" | sed -n 's/^TFPRELOAD_SESSION=//p' | cut -d/ -f2
}

# The helper still does its work, and nothing is left of whatever happened.
is_unharmed() {
    upgrade
    serves_version "$PORT" v1
    wait_until only_current_generation
}

only_current_generation() {
    equal "$(children "$PID")" "$(first_pid "$(current_generation)") " "children of the helper"
}

@test "the socket's name is 32 random digits, in the environment only" {
    local name other

    serve epoll-level
    name=$(session_name)
    [[ $name =~ ^[0-9a-f]{32}$ ]] || fail "name: $name"
    echo "$name" >name # not an argument of grep, which would find itself
    refute grep -laF -f name /proc/[0-9]*/cmdline
    has_no_log "$name"
    # shellcheck disable=SC2034 # for the helpers
    LOG=$BATS_TEST_TMPDIR/log-2
    PORT=$(free_port)
    serve epoll-level
    other=$(session_name)
    [[ $other != "$name" ]]
    # it stays the same for all generations of a session
    upgrade
    equal "$(tr '\0' '\n' <"/proc/$(first_pid 2)/environ" |
        sed -n 's/^TFPRELOAD_SESSION=//p' | cut -d/ -f2)" "$other"
}

@test "TFPRELOAD_LOG=debug tells neither the socket's name nor the secret" {
    local name secret

    export TFPRELOAD_LOG=debug
    serve epoll-level
    name=$(session_name)
    secret=$(session_secret)
    upgrade
    [[ -n $name && $secret =~ ^[0-9a-f]{32}$ && $secret != "$name" ]]
    has_no_log "$name"
    has_no_log "$secret"
    echo "$secret" >secret
    grep -q "$name" /proc/net/unix
    refute grep -qF -f secret /proc/net/unix
}

@test "a process of the session without its secret is not heard" {
    export TFPRELOAD_LOG=debug
    serve_with_peer secret
    wait_until test -s answers
    equal "$(<answers)" "0 of 5, then answered"
    has_log 'control: process [0-9]+ does not know the secret of the session'
    is_unharmed
}

@test "nothing is left in a file system" {
    mkdir empty
    (cd empty && TMPDIR=$PWD start_with_library "$TESTS/epoll-level" --port "$PORT" &&
        echo "$PID" >../pid)
    PID=$(<pid)
    STARTED+=("$PID")
    wait_ready 1
    upgrade
    equal "$(ls -A empty)" "" "files"
}

@test "a process of the same uid may demand, and is no process of the server's" {
    serve epoll-level
    equal "$(peer connect)" refused
    "$HELPER" status "$PID" >shown
    is_unharmed
}

@test "a process of another uid is refused" {
    requires root setpriv
    serve epoll-level
    chmod 755 .
    equal "$(peer other 3)" 0 "answers to another uid"
    is_unharmed
}

@test "another uid cannot stall an upgrade with connections" {
    requires root
    export TFPRELOAD_LOG=debug
    serve epoll-level
    equal "$(peer other 300)" 0 "answers to another uid"
    has_log 'control: process [0-9]+ of uid 65534 is refused'
    is_unharmed
}

@test "whoever has been there longest makes room for one more" {
    # one of the server's own, who are answered
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start bash -c 'ulimit -n 64 && exec "$0" -- sh -c "\"\$0\" \$\$ crowd 35 >crowd & exec \"\$@\"" "$@"' \
        "$HELPER" "$PROGRAMS/peer.py" "$TESTS/poll" --port "$PORT" --version v1
    wait_ready 1
    wait_until test -s crowd
    equal "$(<crowd)" "0 1 2 3" "peers that were dropped"
}

@test "another uid that floods the socket does not hold up an upgrade, nor a command" {
    local flooders=() i

    requires root
    serve epoll-level
    for i in 1 2; do
        "$PROGRAMS/peer.py" "$(first_pid 1)" flood 30 >"flooding-$i" 3>&- &
        flooders+=($!)
        STARTED+=($!)
        wait_for_log flooding "flooding-$i"
    done
    upgrade v2
    upgrade_by timeout 10 "$HELPER" upgrade "$PID"
    equal "$(ask "$PORT")" "v2 $(first_pid 3) token"
    kill "${flooders[@]}"
    wait_gone "${flooders[@]}"
}

@test "a process of the session that has dropped root is answered" {
    requires root
    chmod 755 .
    set_version v1
    start_server "$TESTS/odd" --port "$PORT" --uid 65534 --version-file "$PWD/version"
    equal "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$(first_pid 1)/status")" 65534
    upgrade v2
    serves_version "$PORT" v2
}

# serve_with_peer WHAT: a server whose every generation has a child that is such a peer
serve_with_peer() {
    set_version v1
    chmod 777 .
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '"$0" $$ "$1" >>answers & shift; exec "$@"' "$PROGRAMS/peer.py" "$1" \
        "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version"
}

@test "a process that has dropped root cannot have the helper signal what it may not signal itself" {
    requires root
    serve_with_peer signal
    touch go
    wait_until test -s answers
    equal "$(<answers)" answered
    serves_version "$PORT" v1
    refute is_gone "$PID"
    equal "$(ask "$PORT")" "v1 $(first_pid 1) token"
}

@test "a process of one generation cannot speak for another" {
    export TFPRELOAD_LOG=debug
    serve_with_peer meddle
    keep "$PORT"
    upgrade v2
    touch go # the first generation's speaks for the second now
    wait_until has_lines answers 2
    equal "$(sort -u answers)" dropped
    has_log 'control: process [0-9]+ does not belong to generation 2'
    equal "$(ask "$PORT")" "v2 $(first_pid 2) token"
}

@test "a process that repeats its answer does not hold up those who judge the silent" {
    local silent

    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '"$0" $$ opener >>silent & "$0" $$ chatter >>chatter & exec "$@"' \
        "$PROGRAMS/peer.py" "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version"
    keep "$PORT"
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection,'
    touch go
    wait_until has_lines silent 2
    wait_until has_lines chatter 2
    silent=$(children "$(first_pid 1)" | tr ' ' '\n' | grep -xFf silent)
    kill -STOP "$silent"
    close_kept
    wait_until -t 10 has_log 'generation 1: drained after'
    kill -CONT "$silent" || true # unless it has gone already
}

has_lines() {
    equal "$(wc -l <"$1")" "$2" "lines of $1"
}

@test "messages of a wrong size, version or content are dropped" {
    export TFPRELOAD_LOG=debug
    serve epoll-level
    peer garbage 300
    has_log 'control: process [0-9]+ sent what is no message of ours'
    is_unharmed
}

@test "every kind of message, with every generation, harms nobody" {
    serve epoll-level
    start_load "$PORT" --clients 2
    peer kinds
    stop_load
    is_unharmed
}

@test "a dropped message is a debug line, and nothing without debug" {
    serve epoll-level
    peer garbage 20
    is_unharmed
    has_no_log control
}

@test "peers that say nothing do not stall an upgrade" {
    local talker

    serve epoll-level
    start_load "$PORT" --clients 2
    mkfifo hold
    peer silent 300 <hold >silent-out 3>&- &
    talker=$!
    exec 8>hold
    wait_for_log connected silent-out
    upgrade v2
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
    exec 8>&-
    wait "$talker"
    stop_load
}

@test "peers that hang up in the middle do not stall an upgrade" {
    serve epoll-level
    peer hangup 200
    is_unharmed
}

@test "a listener that nobody asked for is not inherited" {
    serve epoll-level
    peer listener
    upgrade
    has_log 'generation 2: started, pid [0-9]+, with 1 inherited listener$'
    serves_version "$PORT" v1
}

@test "descriptors that are passed with wrong messages do not stay" {
    local before

    serve epoll-level
    before=$(steady_descriptors "$PID")
    peer passing 5
    is_unharmed
    wait_until has_descriptors "$before"
}

has_descriptors() {
    equal "$(descriptors "$PID")" "$1" "descriptors of the helper"
}

@test "a session that is somebody else's invention: the server runs, and says why it has no upgrades" {
    local value secret=00000000000000000000000000000000

    for value in "" 1 nonsense "9/00000000000000000000000000000000/1/1/1/1/0/$secret" \
        "3/0000000000000000000000000000000/1/1/1/1/0/$secret" "3/00000000000000000000000000000000/0/1/1/1/0/$secret" \
        "3/00000000000000000000000000000000/1/1/99/1/0/$secret" "3/$(printf '%0500d' 1)/1/1/1/1/0/$secret" \
        "3/00000000000000000000000000000000/1/1/1/0/0/$secret" "3/00000000000000000000000000000000/1/1/1/1" \
        "3/../../etc/passwd" "3/00000000000000000000000000000000/1/1/1/1/0" "3/00000000000000000000000000000000/1/1/1/1/0/$secret/1"; do
        run --separate-stderr env TFPRELOAD_SESSION="$value" LD_PRELOAD="$LIBRARY" \
            sh -c 'echo ran; exit 3'
        equal "$status" 3 "status with TFPRELOAD_SESSION=$value"
        equal "$output" ran "stdout with TFPRELOAD_SESSION=$value"
    done
}

@test "a session whose helper has gone: the server runs" {
    local name=00000000000000000000000000000000

    TFPRELOAD_SESSION=3/$name/1/999999/1/999999/0/$name start_with_library "$TESTS/epoll-level" --port "$PORT"
    wait_until ask "$PORT"
    equal "$(ask "$PORT")" "1 $PID token"
    # nobody to ask: the signal is the server's own again
    kill -HUP "$PID"
    wait_end
    equal "$STATUS" 129 "status after SIGHUP"
}

@test "a later generation's session whose helper has gone: the server runs" {
    local name=00000000000000000000000000000000

    TFPRELOAD_SESSION=3/$name/7/999999/1/999999/0/$name start_with_library "$TESTS/epoll-level" --port "$PORT"
    wait_until ask "$PORT"
    equal "$(ask "$PORT")" "1 $PID token"
}

#!/usr/bin/env bats
#
# tfhelper stop: the end of a service that loses nothing.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

stop_in_background() {
    {
        close_kept
        exec "$HELPER" stop "$PID"
    } >>stop.out 2>>stop.err 3>&- &
    STOP_PID=$!
    STARTED+=("$STOP_PID")
}

@test "an idle service ends, with the server's status" {
    serve epoll-level
    run --separate-stderr "$HELPER" stop "$PID"
    equal "$status:$output" 0:
    wait_end
    equal "$STATUS" 0 "status of the service"
    has_log 'generation 1: the service is to end: it finishes its connections'
    has_log 'generation 1: drained after .*: it is told to stop'
    refuses "$PORT"
}

@test "a server that dies of the stop signal" {
    set_version v1
    start_server "$TESTS/udp-server" -4 "$PORT" "$PWD/version"
    "$HELPER" stop "$PID"
    wait_end
    equal "$STATUS" 143 "status of the service"
}

@test "connections are finished first, and new ones are refused meanwhile" {
    local server

    for server in "${SERVERS[@]}"; do
        PORT=$(free_port)
        : >"$LOG"
        serve "$server"
        keep "$PORT"
        ask_kept >/dev/null
        stop_in_background
        wait_for_log 'generation 1: retired'
        wait_until refuses "$PORT"
        [[ $(ask_kept) == "v1 "* ]] || fail "$server: the connection was cut"
        close_kept
        wait_gone "$STOP_PID" "$PID"
    done
}

@test "while connections are finished, the status says that nothing serves, and wait does not wait" {
    requires jq
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    stop_in_background
    wait_for_log 'generation 1: draining 1 connection'
    equal "$("$HELPER" status --json "$PID" | jq -c '[.current, .listeners, .generations[0].state]')" \
        '[null,[],"draining"]' "status"
    run "$HELPER" wait --timeout "$PATIENCE" "$PID"
    equal "$status:$output" "3:tfhelper: the service is about to end"
    close_kept
    wait_gone "$STOP_PID" "$PID"
}

@test "clients in the accept queue were let in, and are served" {
    local connection answer

    serve poll
    kill -STOP "$(first_pid 1)"
    for _ in 1 2 3 4 5; do
        keep "$PORT"
        echo "GET queued" >&"$KEPT"
    done
    queue_has "$PORT" 5
    stop_in_background
    wait_for_log 'the service is to end'
    kill -CONT "$(first_pid 1)"
    for connection in "${KEPT_ALL[@]}"; do
        IFS= read -rt "$PATIENCE" -u "$connection" answer || fail "a queued client got no answer"
        [[ $answer == "v1 "*" queued" ]] || fail "$answer"
    done
    close_kept
    wait_gone "$STOP_PID" "$PID"
}

@test "under load nobody who was let in is cut" {
    serve epoll-edge
    start_load "$PORT" --clients 8 --kept 4 --kept-life 2
    "$HELPER" stop "$PID"
    kill -TERM "$LOAD_PID"
    wait_gone "$LOAD_PID"
    # refused is what a service that ends does; anything else was cut
    for kind in reset closed_early short wrong timeout; do
        equal "$(load_value "$kind")" 0 "$kind"
    done
    LOAD_PID=
}

@test "the exit timeout bounds it" {
    export TFPRELOAD_EXIT_TIMEOUT=0.5
    serve epoll-level
    keep "$PORT"
    ask_kept
    "$HELPER" stop "$PID"
    wait_end
    has_log 'generation 1: exit timeout with 1 connection left'
}

@test "older generations drain on until they are through" {
    serve epoll-level
    keep "$PORT"
    ask_kept
    upgrade v2
    stop_in_background
    wait_generation_gone 2
    [[ $(ask_kept) == "v1 "* ]]
    close_kept
    wait_gone "$STOP_PID" "$PID"
}

@test "stop during an upgrade gives the upgrade up" {
    serve epoll-level
    set_options --start-delay 60000
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    "$HELPER" stop "$PID"
    wait_end
    has_log 'generation 2: upgrade failed: the service is stopping'
}

@test "stop of a service that has never been ready" {
    set_options --start-delay 60000
    start_with_library "$TESTS/poll" --port "$PORT" --options-file "$PWD/options"
    wait_until "$HELPER" status "$PID"
    "$HELPER" stop "$PID"
    wait_end
    has_log 'generation 1: asked to end after .*: it is told to stop'
}

@test "an upgrade that is asked for meanwhile is none" {
    serve epoll-level
    keep "$PORT"
    ask_kept
    stop_in_background
    wait_for_log 'generation 1: retired'
    kill -HUP "$PID"
    wait_for_log 'the service is to end: there is no upgrade any more'
    run --separate-stderr "$HELPER" upgrade "$PID"
    equal "$status" 1
    [[ $stderr == "tfhelper: the service is about to end"* ]]
    has_no_log 'generation 2'
    close_kept
    wait_gone "$STOP_PID" "$PID"
}

@test "a signal to end meanwhile goes to the server at once" {
    serve epoll-level
    keep "$PORT"
    ask_kept
    stop_in_background
    wait_for_log 'generation 1: retired'
    kill -TERM "$PID"
    wait_gone "$STOP_PID" "$PID"
}

@test "the server that ends by itself meanwhile ends the service" {
    serve epoll-level
    keep "$PORT"
    ask_kept
    stop_in_background
    wait_for_log 'generation 1: retired'
    kill -TERM "$(first_pid 1)"
    wait_gone "$STOP_PID" "$PID"
}

@test "the server that dies before it has answered ends the service" {
    local workers

    serve prefork
    read -ra workers <<<"$(children "$(first_pid 1)")"
    kill -STOP "${workers[0]}" # who is waited for
    stop_in_background
    wait_for_log 'the service is to end'
    kill -KILL "$(first_pid 1)"
    wait_end
    wait_gone "${workers[@]}"
    equal "$STATUS" 137 "status of the service"
    equal "$(count_log 'the service has ended')" 1 "lines about the end"
    has_no_log 'stops without'
    wait_gone "$STOP_PID"
}

@test "a process that does not answer does not keep the service from ending" {
    serve prefork
    kill -STOP "$(children "$(first_pid 1)" | cut -d' ' -f1)"
    "$HELPER" stop "$PID"
    wait_end
    has_log 'generation 1: stops without having retired: process [0-9]+ of generation 1 did not hand over'
}

@test "a daemon is stopped by its own pid" {
    set_version v1
    start_with_library "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version"
    wait_end
    wait_until test -s pid
    "$HELPER" wait "$PWD/pid"
    "$HELPER" stop "$PWD/pid"
    wait_until none_marked
}

@test "a daemon that does not answer is stopped all the same" {
    set_version v1
    start_with_library "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version"
    wait_end
    wait_ready 1
    STARTED+=("$(cat pid)")
    kill -STOP "$(cat pid)"
    "$HELPER" stop --timeout "$PATIENCE" "$PWD/pid"
    has_log 'generation 1: stops without having retired: process [0-9]+ of generation 1 did not hand over'
    wait_until none_marked
}

@test "a datagram server still sends its late answers" {
    set_version v1
    start_server "$TESTS/udp-server" -4 -d 300 "$PORT" "$PWD/version"
    exec {connection}<>"/dev/udp/127.0.0.1/$PORT"
    echo 1 >&"$connection"
    wait_until udp_received
    stop_in_background
    IFS= read -rN 1 -t "$PATIENCE" -u "$connection" || fail "no late answer"
    exec {connection}>&-
    wait_gone "$STOP_PID" "$PID"
}

udp_received() {
    equal "$(ss -Hlun "sport = :$PORT" | awk '{ print $2 }')" 0
}

@test "a timeout gives up waiting, not ending" {
    serve epoll-level
    keep "$PORT"
    ask_kept
    run --separate-stderr "$HELPER" stop --timeout 0.3 "$PID"
    equal "$status" 4
    [[ $stderr == *"the service is not gone yet; it drains on"* ]]
    close_kept
    wait_gone "$PID"
}

@test "two who stop it at once both see it end" {
    serve epoll-level
    keep "$PORT"
    ask_kept
    stop_in_background
    first=$STOP_PID
    stop_in_background
    wait_for_log 'generation 1: retired'
    close_kept
    wait_gone "$first" "$STOP_PID" "$PID"
    equal "$(count_log 'the service is to end')" 1
}

@test "a server that saves its state gets TFPRELOAD_STOP_TIMEOUT for it" {
    requires python3
    TFPRELOAD_STOP_TIMEOUT=30 start_server python3 "$PROGRAMS/slow_stop.py" "$PORT" 7
    run -0 --separate-stderr "$HELPER" stop "$PID"
    equal "$stderr" '' stderr
    [[ -e saved-$(first_pid 1) ]] || fail 'it was killed before it had saved its state'
}

@test "a server that is killed while it saves its state: stop says so" {
    requires python3
    TFPRELOAD_STOP_TIMEOUT=0.5 start_server python3 "$PROGRAMS/slow_stop.py" "$PORT" 60
    run -1 --separate-stderr "$HELPER" stop "$PID"
    [[ $stderr == "tfhelper: generation 1 was not gone "*" after the stop signal, and was killed" ]] ||
        fail "stderr: $stderr"
    has_log '^tfpreload: generation 1: not gone .* after the stop signal: killed$'
    [[ ! -e saved-$(first_pid 1) ]]
}

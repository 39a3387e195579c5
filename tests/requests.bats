#!/usr/bin/env bats
#
# Who asks for an upgrade, how often, and what several requests at once come to.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- who asks for an upgrade ----

@test "SIGHUP to the server's own process is passed on" {
    serve epoll-level
    kill -HUP "$(first_pid 1)"
    wait_ready 2
    wait_generation_gone 1
    kill -HUP "$(first_pid 2)"
    wait_ready 3
}

@test "SIGHUP to a process that blocks all signals, and to a worker, is passed on" {
    serve thread
    kill -HUP "$(first_pid 1)"
    wait_ready 2
    kill -TERM "$PID"
    wait_end
    LOG=$BATS_TEST_TMPDIR/log-2
    serve prefork
    kill -HUP "$(children "$(first_pid 1)" | cut -d' ' -f1)"
    wait_ready 2
    serves_version "$PORT" v1
}

@test "SIGHUP to every process at once is an upgrade or two" {
    serve prefork
    start_load "$PORT" --clients 2
    # shellcheck disable=SC2046 # a list of pids
    kill -HUP $(marked | grep -vx "$LOAD_PID")
    wait_ready 2
    upgrade v2
    stop_load
    # a worker that was late to run may have added one
    [[ $(count_ready) -le 5 ]] || fail "$(count_ready) generations"
}

@test "SIGHUP to the whole group, the server's processes with the helper, is one upgrade" {
    local server number

    for server in epoll-level prefork; do
        LOG=$BATS_TEST_TMPDIR/log-$server
        PORT=$(free_port)
        start setsid env LD_PRELOAD="$LIBRARY" "$TESTS/$server" --port "$PORT"
        wait_ready 1
        for number in 2 3 4 5 6; do
            upgrade_by kill -HUP -- "-$PID"
            wait_generation_gone "$((number - 1))"
        done
        "$HELPER" status "$PID" >/dev/null # which it answers after it has seen them
        equal "$(newest_generation)" 6 "generation after five requests"
        kill -TERM "$PID"
        wait_end
    done
}

@test "the log names who has asked, for an upgrade and for the end" {
    serve poll
    bash -c "echo \$\$ >asker; kill -HUP $PID" 3>&-
    wait_retired 1
    has_log "upgrade from generation 1 begins, asked for by SIGHUP of process $(<asker)( \\(bash\\))?, user $EUID\$"
    "$HELPER" upgrade "$PID" >/dev/null
    has_log "upgrade from generation 2 begins, asked for by process [0-9]+ \\(tfhelper\\), user $EUID\$"
    wait_retired 2
    kill -HUP "$(first_pid 3)"
    wait_retired 3
    has_log "upgrade from generation 3 begins, asked for by SIGHUP of process $BASHPID( \\(.*\\))?\$"
    kill -TERM "$PID"
    wait_end
    has_log "generation 4: the service is told to end, by SIGTERM of process $BASHPID \\(.*\\), user $EUID\$"
}

@test "a SIGHUP handler that the server installs is not called by an upgrade" {
    local name

    for name in epoll-level thread fork; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name" --hup-handler
        upgrade v2
        kill -HUP "$(first_pid 2)"
        wait_ready 3
        wait_retired 2
        serves_version "$PORT" v2
        kill -TERM "$PID"
        wait_end
    done
    has_no_log 'own HUP handler' "$OUT"
}

@test "a worker that its master signals is no upgrade" {
    start_server "$TESTS/odd" --port "$PORT" --master
    kill -USR1 "$PID"
    wait_for_log '^signal 1 ' "$OUT"
    serves_version "$PORT" 1
    upgrade
    equal "$(newest_generation)" 2 "generation after one upgrade"
    has_log '^signal 1 ' "$OUT"
    equal "$(count_log '^signal 1 ' "$OUT")" 1 "signals to the worker"
}

@test "a timer of the program's own that sends SIGHUP is no upgrade" {
    mkfifo words
    start_server "$TESTS/threads" "$PORT" words accept tick
    wait_until grep -Eq '^ticked|generation 2: ' "$OUT" "$LOG"
    has_log '^ticked' "$OUT"
    has_no_log 'generation 2: '
}

@test "a parent without a listener that has a handler for SIGURG" {
    cat >run <<END
#!/bin/sh
trap : URG
trap 'kill "\$server"' TERM
"$TESTS/poll" --port $PORT --version-file "$PWD/version" &
server=\$!
while kill -0 "\$server" 2>/dev/null; do
    wait "\$server"
done
END
    chmod +x run
    set_version v1
    start_server ./run
    upgrade v2
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
}

# It cannot reach the helper, whose socket has an abstract name: vsftpd's sessions are such.
@test "a process in another network namespace that has a handler for SIGURG" {
    requires root
    cat >run <<END
#!/bin/sh
unshare -n sh -c 'trap : URG; trap "exit 0" TERM; echo trapped; while :; do sleep 0.1; done' &
session=\$!
trap 'kill "\$session" "\$server"' TERM
"$TESTS/poll" --port $PORT --version-file "$PWD/version" &
server=\$!
wait "\$server"
wait
END
    chmod +x run
    set_version v1
    start_server ./run
    wait_for_log trapped "$OUT"
    upgrade v2
    serves_version "$PORT" v2
    has_no_log 'has not given up|killed'
}

@test "the hang-up of a terminal is no upgrade, and ends the server as it would without us" {
    local plain

    start "$PROGRAMS/terminal.py" plain.pid plain.log "$TESTS/epoll-level" --port "$PORT"
    wait_until ask "$PORT"
    kill -USR2 "$PID"
    wait_for_log '^ended ' "$OUT"
    plain=$(<"$OUT")
    : >"$OUT"
    PRELOAD=$LIBRARY TFPRELOAD_LOG=debug \
        start "$PROGRAMS/terminal.py" server.pid "$LOG" "$TESTS/epoll-level" --port "$PORT"
    wait_ready 1
    kill -USR2 "$PID"
    wait_for_log '^ended ' "$OUT"
    equal "$(<"$OUT")" "$plain" "how the terminal's program ended"
    has_no_log 'upgrade from generation'
}

# ---- several requests, several generations ----

@test "several requests while a generation starts count as one" {
    serve poll
    set_options --start-when go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -HUP "$(first_pid 1)"
    wait_for_log 'generation 2 is not ready yet: the upgrade is noted'
    kill -HUP "$PID"
    kill -HUP "$PID"
    "$HELPER" status "$PID" # which it answers after it has seen them
    touch go
    wait_ready 2
    wait_ready 3
    wait_retired 2
    upgrade
    equal "$(current_generation)" 4 "generations after one request, several as one, and one"
}

@test "a request while the first generation starts is kept" {
    export TFPRELOAD_LOG=debug
    set_version v1
    set_options --start-when go
    start_with_library "$TESTS/fork" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    wait_for_log 'generation 1: started'
    kill -HUP "$PID"
    wait_for_log 'the upgrade is noted'
    touch go
    wait_ready 1
    wait_ready 2
    wait_generation_gone 1
    serves_version "$PORT" v1
}

@test "upgrades go on while older generations drain" {
    local connections=() number

    serve epoll-level
    start_load "$PORT" --clients 2
    for number in 1 2 3; do
        keep "$PORT"
        connections+=("$KEPT")
        equal "$(ask_kept)" "v$number $(first_pid "$number") kept"
        upgrade "v$((number + 1))"
    done
    # all three drain, each with its own connection
    for number in 1 2 3; do
        wait_for_log "generation $number: draining"
        equal "$(ask_kept "${connections[number - 1]}")" "v$number $(first_pid "$number") kept"
    done
    serves_version "$PORT" v4
    stop_load
    close_kept
    for number in 1 2 3; do
        wait_generation_gone "$number"
    done
    has_no_log 'exit timeout'
}

@test "twenty requests as fast as they come lose nothing" {
    local number

    serve epoll-edge
    start_load "$PORT" --clients 4 --kept 2 --kept-interval 10 --kept-life 0.5
    for ((number = 1; number <= 20; number++)); do
        kill -HUP "$PID"
        serves_version "$PORT" v1
    done
    set_version v2
    kill -HUP "$PID"
    wait_until serves_version "$PORT" v2
    stop_load
    has_no_log 'upgrade failed'
}

@test "a helper that is held up for a while does not make an upgrade fail" {
    local new

    serve poll
    set_options --start-when go
    set_version v2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    new=$(sed -nE 's/.*generation 2: started, pid ([0-9]+),.*/\1/p' "$LOG")
    # as on a busy machine: the new version asks for its listener, and has to wait for the answer
    kill -STOP "$PID"
    touch go
    timeout 2.5 tail --pid="$new" -f /dev/null || true # its end, if it gives up
    kill -CONT "$PID"
    wait_ready 2
    wait_retired 1
    serves_version "$PORT" v2
    has_no_log 'upgrade failed'
}

#!/usr/bin/env bats
#
# TFPRELOAD_RESTART: a server that ends by itself is started again, and clients wait meanwhile.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# wait_restarted OLD NEW
wait_restarted() {
    wait_for_log "^tfpreload: generation $1: .*: generation $2 is started in its place in "
    wait_ready "$2"
}

serve_again() {
    TFPRELOAD_RESTART=${WHEN:-on-failure} serve "$@"
    wait_until helper_holds_listener
}

@test "a server that is killed is started again, whatever kind it is" {
    local name

    for name in fork thread prefork poll select epoll-level epoll-edge; do
        PORT=$(free_port)
        # shellcheck disable=SC2034 # for the helpers
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve_again "$name"
        set_version v2
        kill -KILL "$(first_pid 1)"
        wait_restarted 1 2
        has_log '^tfpreload: generation 1: was killed by SIGKILL: generation 2 is started in its place in 100 ms$'
        serves_version "$PORT" v2
        # and can be upgraded as before
        upgrade v3
        serves_version "$PORT" v3
        wait_generation_gone 2 # or it would serve again
        wait_until helper_holds_listener
        kill -KILL "$(first_pid 3)"
        wait_restarted 3 4
        serves_version "$PORT" v3
        kill -TERM "$PID"
        wait_end
    done
}

@test "who comes while there is no server waits in the queue" {
    serve_again thread
    set_options --start-when "$PWD/go"
    kill -KILL "$(first_pid 1)"
    wait_for_log '^tfpreload: generation 2: started'
    serves_who_waited v1
}

@test "a master dies under load: its workers finish, nobody is refused" {
    serve_again prefork
    start_load "$PORT" --clients 8 --kept 4
    kill -KILL "$(first_pid 1)"
    wait_restarted 1 2
    wait_retired 1
    stop_load
}

@test "a process with clients dies under load: these are lost, nobody else" {
    serve_again epoll-level
    start_load "$PORT" --clients 4 --kept 4
    for generation in 1 2 3; do
        wait_until helper_holds_listener
        kill -KILL "$(first_pid "$generation")"
        wait_restarted "$generation" $((generation + 1))
    done
    kill -TERM "$LOAD_PID"
    wait_end "$LOAD_PID"
    LOAD_PID=
    # each client had one connection at most, each time
    (($(load_value failed) <= 3 * 8 && $(load_value requests) > 0)) || fail "lost: $(cat load.json)"
    serves_version "$PORT" v1
}

@test "on-failure: who exits with 0, or is told to end, is not started again" {
    serve_again thread
    kill -TERM "$(first_pid 1)"
    wait_end
    has_no_log 'is started in its place'
    WHEN=always serve_again thread
    kill -TERM "$(first_pid 1 | tail -n 1)"
    wait_for_log '^tfpreload: generation 1: .*: generation 2 is started in its place in 100 ms$'
    wait_ready 2
    serves_version "$PORT" v1
    # nor is who is told so by the pid that the user knows
    kill -TERM "$PID"
    wait_end
    equal "$(count_log 'is started in its place')" 1 restarts
}

@test "a signal that the server has not taken for its end is forgotten" {
    set_version v1
    TFPRELOAD_RESTART=on-failure start_server bash -c "trap '' QUIT; exec '$TESTS/thread' --port $PORT --version-file '$PWD/version'"
    kill -QUIT "$PID"
    wait_for_log '^tfpreload: generation 1: the service is told to end, by SIGQUIT'
    upgrade v2
    wait_until helper_holds_listener
    kill -KILL "$(first_pid 2)"
    wait_restarted 2 3
    serves_version "$PORT" v2
}

@test "never, which is the default: the service ends" {
    serve thread
    refute wait_until -t 1 helper_holds_listener
    kill -KILL "$(first_pid 1)"
    wait_end
    equal "$STATUS" 137 status
}

@test "a crash loop ends the service, with the last status" {
    serve_again thread
    set_options --exit 3
    kill -KILL "$(first_pid 1)"
    wait_end
    equal "$STATUS" 3 status
    equal "$(count_log 'is started in its place')" 5 restarts
    has_log '^tfpreload: generation 5: exited with status 3: generation 6 is started in its place in 1\.6 s$'
    has_log '^tfpreload: generation 6: exited with status 3: it is not started again, after 5 times within 60 s$'
}

@test "a first start that fails is not tried again" {
    set_version v1
    set_options --exit 3
    TFPRELOAD_RESTART=always start_with_library "$TESTS/thread" --port "$PORT" --version-file version --options-file options
    wait_end
    equal "$STATUS" 3 status
    has_no_log 'is started in its place'
}

@test "one that is not ready in time is killed, and started again" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 2) serve_again thread
    set_options --hang
    kill -KILL "$(first_pid 1)"
    wait_for_log '^tfpreload: generation 2: not ready within the ready timeout of [0-9.]+ s: .*: generation 3 is started in its place in 200 ms$'
    set_options
    wait_for_log '^tfpreload: generation [0-9]+: ready after'
    wait_until serves_version "$PORT" v1
}

@test "a program that is missing for a moment is tried again" {
    cp "$TESTS/thread" server
    set_version v1
    TFPRELOAD_RESTART=on-failure start_server ./server --port "$PORT" --version-file "$PWD/version"
    wait_until helper_holds_listener
    mv server away
    kill -KILL "$(first_pid 1)"
    wait_for_log '^tfpreload: generation 2: cannot execute \./server: No such file or directory: generation 3 is started in its place in 200 ms$'
    mv away server
    wait_until serves_version "$PORT" v1
}

@test "told to end while it waits to be started, the service ends" {
    serve_again thread
    set_options --exit 3
    kill -KILL "$(first_pid 1)"
    wait_for_log 'generation 6 is started in its place in 1\.6 s$'
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 3 status
    has_no_log 'generation 6: exited'
}

@test "an upgrade that is asked for meanwhile does not wait for the back-off" {
    serve_again thread
    set_options --exit 3
    kill -KILL "$(first_pid 1)"
    wait_for_log 'generation 6 is started in its place in 1\.6 s$'
    set_options
    set_version v2
    "$HELPER" upgrade "$PID" >said 2>&1
    has_log '^generation 6 is not ready yet: this upgrade waits for its turn$' said
    has_log '^generation 7 ready after' said
    serves_version "$PORT" v2
}

@test "a generation that can serve again does, and nothing is started" {
    serve_again thread
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
    [[ $(ask_kept) == 'v1 '* ]]
    has_no_log 'is started in its place'
    # and now that is alone
    kill -KILL "$(first_pid 1)"
    wait_restarted 1 3
    serves_version "$PORT" v2
}

@test "the server dies while its successor is prepared, or starts: that one inherits" {
    serve_again thread
    kill -STOP "$(first_pid 1)" # it hands nothing over
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: upgrade from generation 1 begins'
    kill -KILL "$(first_pid 1)"
    wait_ready 2
    serves_version "$PORT" v2
    has_log 'generation 2: started, pid [0-9]+, with 1 inherited listener$'
    # and where it fails, a third one is started
    wait_until helper_holds_listener
    set_options --start-when "$PWD/go" --exit 3
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 3: started'
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 2: was killed by SIGKILL while generation 3 starts$'
    set_options
    touch go
    wait_restarted 2 4
    serves_version "$PORT" v2
}

@test "what the server opens later is kept, and what it closes is not" {
    requires python3
    local other

    other=$(free_port)
    TFPRELOAD_RESTART=on-failure start_server python3 "$PROGRAMS/opens_another.py" "$PORT" "$other"
    wait_until helper_holds_listener
    keep "$PORT"
    equal "$(asked one)" "v1 $(first_pid 1) one" 'first answer'
    said() {
        echo "$1" >&"$KEPT"
        IFS= read -rt "$PATIENCE" -u "$KEPT" answer
        equal "$answer" "v1 $(first_pid 1) $1" "answer to $1"
    }
    said OPEN
    PORT=$other wait_until helper_holds_listener
    # a listener that is opened anew at once is not in its own way
    said REOPEN
    PORT=$other wait_until helper_holds_listener
    said CLOSE
    wait_until refuses "$other"
    said OPEN
    PORT=$other wait_until helper_holds_listener
    close_kept
    kill -KILL "$(first_pid 1)"
    wait_restarted 1 2
    has_log 'generation 2: started, pid [0-9]+, with 2 inherited listeners$'
}

@test "a SO_REUSEPORT set and a unix socket are kept, too" {
    serve_again prefork --reuseport --unix "$PWD/socket"
    wait_until helper_holds_listener
    kill -KILL "$(first_pid 1)"
    wait_restarted 1 2
    has_log 'generation 2: started, pid [0-9]+, with [2-9] inherited listeners$'
    serves_version "$PORT" v1
}

@test "hook, status and metrics say so" {
    requires jq
    cat >hook <<'END'
#!/bin/sh
echo "$TFPRELOAD_EVENT $TFPRELOAD_GENERATION $TFPRELOAD_REASON" >>events
END
    chmod +x hook
    TFPRELOAD_HOOK=$PWD/hook serve_again thread
    equal "$("$HELPER" status --json "$PID" | jq .restarts)" 0 restarts
    kill -KILL "$(first_pid 1)"
    wait_restarted 1 2
    wait_for_log '^restarted 1 was killed by SIGKILL$' events
    equal "$("$HELPER" status --json "$PID" | jq -c '[.restarts, .current]')" '[1,2]' status
    "$HELPER" status "$PID" >said
    has_log '^restarts: 1$' said
    "$HELPER" status --metrics "$PID" >said
    has_log '^tfpreload_restarts_total 1$' said
}

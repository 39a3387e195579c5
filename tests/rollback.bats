#!/usr/bin/env bats
#
# A release that ends after it was ready, while the generation before it lives: that one serves
# again, with the connections that it has kept, and clients wait meanwhile.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# roll_back_under NAME [OPTION]...: serve, upgrade while a connection is kept, end the new one
roll_back_under() {
    serve "$@"
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    serves_version "$PORT" v2
    kill -KILL "$(first_pid 2)"
    # before it has died, or with workers that live on, it may serve who comes: see the next test
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
    has_log '^tfpreload: generation 2: rolled back: was killed by SIGKILL [0-9.]+ m?s after it was ready; generation 1 takes its listeners back$'
    [[ $(ask_kept) == 'v1 '* ]]
}

@test "the old generation serves again, whatever kind of server it is" {
    local name

    for name in fork thread prefork poll select epoll-level epoll-edge; do
        PORT=$(free_port)
        # shellcheck disable=SC2034 # for the helpers
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        roll_back_under "$name"
        # and can be upgraded as before
        upgrade v3
        serves_version "$PORT" v3
        [[ $(ask_kept) == 'v1 '* ]]
        kill -TERM "$PID"
        wait_end
        close_kept
    done
}

@test "who comes before the old generation is back waits in the queue" {
    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    kill -STOP "$(first_pid 1)" # it takes nothing back before it goes on
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 2: rolled back: '
    exec 8<>"/dev/tcp/127.0.0.1/$PORT"
    echo 'GET waited' >&8
    wait_until queue_has "$PORT" 1
    kill -CONT "$(first_pid 1)"
    IFS= read -rt 20 -u 8 answer
    exec 8>&-
    [[ $answer == 'v1 '*' waited' ]]
}

@test "workers of a dead master accept no more, and finish what they serve" {
    local v1=$PORT

    serve prefork
    keep "$PORT"
    ask_kept >/dev/null
    v1=$KEPT
    upgrade v2
    keep "$PORT"
    ask_kept >/dev/null # a worker of the new version has it
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    wait_retired 2
    serves_version "$PORT" v1
    [[ $(ask_kept) == 'v2 '* ]]
    [[ $(ask_kept "$v1") == 'v1 '* ]]
    close_kept
    wait_generation_gone 2
}

has_returned() {
    equal "$(count_log 'generation 1: serves again after')" "$1" 'returns of generation 1'
}

@test "it is rolled back as often as it takes" {
    local returns=0

    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    for version in v2 v3 v4; do
        upgrade "$version"
        kill -KILL "$(first_pid "$(current_generation)")"
        returns=$((returns + 1))
        # before it has died, it may take who comes
        wait_until has_returned "$returns"
        serves_version "$PORT" v1
    done
    wait_for_log '^tfpreload: generation 4: rolled back: '
    has_returned 3
    [[ $(ask_kept) == 'v1 '* ]]
}

@test "without an older generation, the service ends as before" {
    serve thread
    upgrade v2
    wait_generation_gone 1
    kill -KILL "$(first_pid 2)"
    wait_end
    equal "$STATUS" 137 'status of the service'
    has_no_log 'rolled back'
}

@test "who is told to end is not rolled back" {
    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0 'status of the service'
    has_no_log 'rolled back'
}

@test "upgrade --drained, status and the hook say so" {
    requires jq
    cat >hook <<'END'
#!/bin/sh
echo "$TFPRELOAD_EVENT $TFPRELOAD_GENERATION $TFPRELOAD_REASON" >>events
END
    chmod +x hook
    TFPRELOAD_HOOK=$PWD/hook serve thread
    keep "$PORT"
    ask_kept >/dev/null
    set_version v2
    "$HELPER" upgrade --drained "$PID" >out 2>err 3>&- &
    STARTED+=("$!")
    wait_retired 1
    kill -KILL "$(first_pid 2)"
    wait_end "$!"
    equal "$STATUS" 1 'status of the command'
    has_log '^tfhelper: generation 2 was rolled back: was killed by SIGKILL .*; generation 1 serves again$' err
    wait_for_log '^tfpreload: generation 1: serves again after'
    equal "$("$HELPER" status --json "$PID" | jq -r '.upgrades | [.rolled_back, .last.outcome] | join(" ")')" \
        '1 rolled back' status
    wait_for_log '^rolled-back 2 was killed by SIGKILL' events
}

@test "nobody goes back to a version that was rolled back, though it drains still" {
    local v1

    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    v1=$KEPT
    upgrade v2
    keep "$PORT"
    ask_kept >/dev/null # v2 has a connection of its own to finish
    "$HELPER" rollback "$PID"
    wait_retired 2
    upgrade v3
    "$HELPER" rollback "$PID"
    wait_for_log '^tfpreload: generation 3: rolled back: it was asked for; generation 1 takes its listeners back$'
    serves_version "$PORT" v1
    [[ $(ask_kept) == 'v2 '* ]]
    [[ $(ask_kept "$v1") == 'v1 '* ]]
}

#!/usr/bin/env bats
#
# TFPRELOAD_RETIRE_SIGNAL: a generation that has retired finishes and ends in its own way.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# gentle: serve v1, which leaves on SIGUSR1, with a connection that has been used
gentle() {
    requires python3
    set_version v1
    export TFPRELOAD_RETIRE_SIGNAL=USR1
    start_server python3 "$PROGRAMS/gentle.py" "$PORT" version
    keep "$PORT"
    ask_kept >/dev/null
}

@test "it is sent when the generation has retired, which then ends by itself" {
    gentle
    upgrade v2
    wait_for_log '^tfpreload: generation 1: gets the retire signal, to end in its own way$'
    [[ $(ask_kept) == "v1 "* ]] || fail 'the connection was cut'
    kept_has_ended
    wait_for_log '^tfpreload: generation 1: gone .* after the retire signal, exited with status 0$'
    has_no_log 'it is told to stop'
    serves_version "$PORT" v2
}

@test "who has no connections left, and does not end, is told to stop" {
    export TFPRELOAD_STOP_TIMEOUT=1
    gentle
    touch stay
    upgrade v2
    ask_kept >/dev/null
    wait_for_log '^tfpreload: generation 1: gone .* after it was told to stop, exited with status 4$'
    has_log '^tfpreload: generation 1: drained after .*: it is told to stop$'
}

@test "at the exit timeout it is told to stop all the same" {
    export TFPRELOAD_EXIT_TIMEOUT=1
    gentle
    upgrade v2
    wait_for_log '^tfpreload: generation 1: gone .* after it was told to stop, exited with status 4$'
    has_log '^tfpreload: generation 1: exit timeout with 1 connection left$'
}

@test "upgrade --hold: it waits for the decision, and a roll-back finds a server that serves" {
    gentle
    set_version v2
    upgrade_by "$HELPER" upgrade --hold 60 "$PID"
    "$HELPER" rollback "$PID"
    wait_generation_gone 2
    serves_version "$PORT" v1
    [[ $(ask_kept) == "v1 "* && $(ask_kept) == "v1 "* ]] || fail 'the connection was closed'
    equal "$(count_log '^tfpreload: generation 1: gets the retire signal')" 0 'retire signals to the first'
    # and one that is committed to gets it then
    set_version v3
    upgrade_by "$HELPER" upgrade --hold 60 "$PID"
    "$HELPER" commit "$PID"
    wait_for_log '^tfpreload: generation 1: gets the retire signal, to end in its own way$'
    has_no_log '^tfpreload: generation 1: gone'
    ask_kept >/dev/null
    wait_for_log '^tfpreload: generation 1: gone .* after the retire signal, exited with status 0$'
}

@test "who has been told does not serve again, and finishes what it has" {
    gentle
    upgrade v2
    wait_for_log '^tfpreload: generation 1: gets the retire signal'
    run -1 --separate-stderr "$HELPER" rollback "$PID"
    equal "$stderr" 'tfhelper: no older generation lives that could serve again' stderr
    kill -KILL "$(first_pid 2)"
    wait_for_log 'generation 2: the service has ended'
    [[ $(ask_kept) == "v1 "* ]] || fail 'the connection was cut'
    wait_end
    equal "$STATUS" 137 'status of the service'
    has_log '^tfpreload: generation 1: gone .* after the retire signal, exited with status 0$'
}

@test "tfhelper stop sends it, too" {
    gentle
    {
        close_kept
        exec "$HELPER" stop "$PID"
    } 3>&- &
    STARTED+=("$!")
    wait_for_log '^tfpreload: generation 1: gets the retire signal'
    [[ $(ask_kept) == "v1 "* ]] || fail 'the connection was cut'
    wait_end "${STARTED[1]}"
    equal "$STATUS" 0 'status of tfhelper stop'
    wait_end
    equal "$STATUS" 0 'status of the service'
    has_no_log 'it is told to stop'
}

@test "a shell around the server: the server gets it when the shell has died of it" {
    requires python3
    set_version v1
    export TFPRELOAD_RETIRE_SIGNAL=USR1
    start_server sh -c "python3 '$PROGRAMS/gentle.py' $PORT version; exit 5"
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_gone "$(first_pid 1)"
    wait_until still_answers_once
    wait_for_log '^tfpreload: generation 1: gone .* after the retire signal, was killed by SIGUSR1$'
    has_no_log 'it is told to stop'
    "$HELPER" stop "$PID" # SIGTERM to the helper would end but the shell
}

# The signal may be on its way to the server yet: then it closes behind the answer after this one.
still_answers_once() {
    ask_kept >/dev/null || return 0
    return 1
}

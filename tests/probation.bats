#!/usr/bin/env bats
#
# The old generation is kept after the new one is ready: for a while, or until somebody decides.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# held SECONDS: serve v1, and v2 while v1 is held
held() {
    serve thread
    set_version v2
    upgrade_by "$HELPER" upgrade --hold "$1" "$PID" >said
    has_log "^generation 1 is kept for $1(.0)? s: tfhelper commit or rollback decides" said
    has_log '^tfpreload: generation 2: its predecessor is kept for .*, for somebody to decide$'
    serves_version "$PORT" v2
}

@test "TFPRELOAD_BAKE: who has no connections is kept all the same, and serves again" {
    TFPRELOAD_BAKE=60 serve thread
    upgrade v2
    has_log '^tfpreload: generation 2: its predecessor is kept for 60 s$'
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
}

@test "TFPRELOAD_BAKE: when it is over, the old generation goes" {
    TFPRELOAD_BAKE=1 serve thread
    upgrade v2
    wait_for_log '^tfpreload: generation 2: its predecessor is not kept any more$'
    wait_generation_gone 1
    serves_version "$PORT" v2
    # and now the service ends with its server
    kill -KILL "$(first_pid 2)"
    wait_end
    equal "$STATUS" 137 'status of the service'
}

@test "TFPRELOAD_BAKE: a kept generation outlives the exit timeout, but not the bake time" {
    TFPRELOAD_EXIT_TIMEOUT=0.1 TFPRELOAD_BAKE=3 serve thread
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log '^tfpreload: generation 2: its predecessor is not kept any more$'
    equal "$(grep -Eo 'not kept any more|exit timeout with' "$LOG" | head -n 1)" 'not kept any more' 'what came first'
    wait_generation_gone 1
}

@test "TFPRELOAD_BAKE: the probe is asked once more, and rolls back" {
    cat >probe <<'END'
#!/bin/sh
test ! -e "$(dirname "$0")/bad"
END
    chmod +x probe
    TFPRELOAD_BAKE=2 TFPRELOAD_READY="exec:$PWD/probe" serve thread
    upgrade v2
    touch bad
    wait_for_log '^tfpreload: generation 2: rolled back: the probe has failed; generation 1 takes its listeners back$'
    wait_for_log '^tfpreload: generation 1: serves again after'
    wait_generation_gone 2
    serves_version "$PORT" v1
    # one that is good is not touched
    rm bad
    upgrade v3
    wait_for_log '^tfpreload: generation 3: its predecessor is not kept any more$'
    wait_generation_gone 1
    serves_version "$PORT" v3
}

@test "upgrade --hold, and commit" {
    held 60
    run -0 "$HELPER" commit "$PID"
    equal "$output" 'generation 2 stays; the one before is not kept any more' output
    wait_generation_gone 1
    serves_version "$PORT" v2
    run -1 "$HELPER" commit "$PID"
    equal "$output" 'tfhelper: no generation is kept: there is nothing to commit' output
}

@test "upgrade --hold, and rollback: what the new one serves is finished" {
    held 60
    keep "$PORT"
    [[ $(ask_kept) == 'v2 '* ]]
    run -0 "$HELPER" rollback "$PID"
    equal "$output" 'generation 1 serves again' output
    serves_version "$PORT" v1
    [[ $(ask_kept) == 'v2 '* ]]
    close_kept
    wait_generation_gone 2
    run -1 "$HELPER" rollback "$PID"
    equal "$output" 'tfhelper: no older generation lives that could serve again' output
}

@test "upgrade --hold: who does not decide in time has decided against it" {
    held 2
    wait_for_log '^tfpreload: generation 2: rolled back: nobody has committed it in time; generation 1 takes'
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
}

@test "rollback without --hold, while the old generation drains, loses nothing" {
    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    start_load "$PORT" --clients 8
    run -0 "$HELPER" rollback "$PID"
    has_log '^tfpreload: generation 2: retired after'
    serves_version "$PORT" v1
    upgrade v3
    serves_version "$PORT" v3
    run -0 "$HELPER" rollback "$PID"
    wait_retired 3
    stop_load
    serves_version "$PORT" v1
}

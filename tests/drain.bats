#!/usr/bin/env bats
#
# How an old generation ends: when its connections have ended, or at the exit timeout.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# told_to_stop GENERATION: after how many milliseconds of draining, or of not
told_to_stop() {
    sed -nE "s/^tfpreload: generation $1: .* after ([0-9.]+) (m?s): it is told to stop$/\\1 \\2/p" \
        "$LOG" | awk '{ print int($1 * ($2 == "s" ? 1000 : 1)) }'
}

@test "without connections it goes at once" {
    local name

    for name in fork thread epoll-level; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        serve "$name"
        upgrade
        wait_generation_gone 1
        has_log 'generation 1: drained after'
        [[ $(told_to_stop 1) -lt 5000 ]]
        kill -TERM "$PID"
        wait_end
    done
}

# bats test_tags=fast
@test "a connection that ends early ends the draining" {
    local name

    for name in fork thread epoll-level; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name"
        keep "$PORT"
        ask_kept >/dev/null
        upgrade v2
        wait_for_log 'generation 1: draining 1 connection, for at most 30 s'
        equal "$(ask_kept | cut -d' ' -f1)" v1 "$name, the kept connection"
        equal "$(ask "$PORT" | cut -d' ' -f1)" v2 "$name, a new connection"
        close_kept
        wait_generation_gone 1
        has_log 'generation 1: drained after'
        has_no_log 'exit timeout'
        kill -TERM "$PID"
        wait_end
    done
}

@test "a connection that is kept ends at the exit timeout" {
    local name

    export TFPRELOAD_EXIT_TIMEOUT=0.5
    for name in fork thread epoll-level; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        serve "$name"
        keep "$PORT"
        ask_kept >/dev/null
        upgrade
        wait_generation_gone 1
        has_log 'generation 1: exit timeout with 1 connection left'
        [[ $(told_to_stop 1) -ge 400 ]] || fail "$name: told to stop too early"
        kept_has_ended
        close_kept
        kill -TERM "$PID"
        wait_end
    done
}

@test "many connections are counted" {
    local i

    export TFPRELOAD_EXIT_TIMEOUT=3
    serve epoll-level
    for ((i = 0; i < 20; i++)); do
        keep "$PORT"
        ask_kept >/dev/null
    done
    upgrade
    wait_for_log 'generation 1: draining 20 connections, for at most 3.0 s'
    for i in "${KEPT_ALL[@]:0:15}"; do
        exec {i}>&-
    done
    KEPT_ALL=("${KEPT_ALL[@]:15}")
    wait_for_log 'generation 1: exit timeout with 5 connections left'
    wait_generation_gone 1
}

@test "a connection that the client has half closed, with an answer to come, is not cut" {
    serve epoll-level --service-time 700
    python3 - "$PORT" >half <<'END' 3>&- &
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(b"GET half\n")
connection.settimeout(20)
print("sent", flush=True)
print(connection.recv(100).decode(), end="", flush=True)
END
    wait_for_log sent half
    upgrade
    wait "$!"
    has_log "^v1 [0-9]+ half$" half
}

@test "an exit timeout of 0 does not wait" {
    export TFPRELOAD_EXIT_TIMEOUT=0
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_generation_gone 1
    [[ $(told_to_stop 1) -lt 5000 ]]
}

@test "TFPRELOAD_STOP_SIGNAL is what an old generation gets" {
    export TFPRELOAD_STOP_SIGNAL=USR2
    start_server "$TESTS/odd" --port "$PORT" --stop-on 12
    upgrade
    wait_generation_gone 1
    has_log '^signal 12 value 0$' "$OUT"
    has_log 'generation 1: gone .*, exited with status 0'
}

@test "who ignores the stop signal is killed after 5 s, with its family" {
    local family

    start_server "$TESTS/odd" --port "$PORT" --ignore 15 --child
    family="$(first_pid 1) $(children "$(first_pid 1)")"
    upgrade
    wait_for_log 'generation 1: not gone [5-9]\.[0-9] s after the stop signal: killed'
    wait_generation_gone 1
    # shellcheck disable=SC2086 # a list of pids
    wait_gone $family
    has_log 'generation 1: gone .*, was killed by SIGKILL'
    serves_version "$PORT" 1
    kill -KILL "$(first_pid 2)"
    # the current generation's child ignores SIGTERM, too: it is the test's to end
    pkill -KILL -f "odd --port $PORT"
}

@test "a child that ignores the stop signal is killed after its parent has gone" {
    local child

    start_server "$TESTS/odd" --port "$PORT" --child
    child=$(children "$(first_pid 1)")
    upgrade
    wait_gone "$(first_pid 1)"
    wait_gone "${child% }"
    wait_generation_gone 1
    pkill -KILL -f "odd --port $PORT"
}

@test "an old generation that goes by itself is fine" {
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    kill -KILL "$(first_pid 1)"
    wait_until is_gone "$(first_pid 1)"
    kept_has_ended
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 2
    equal "$(children "$PID" | wc -w)" 1 "children of the helper"
}

@test "a worker that an old master starts anew takes no new client" {
    local old i

    serve prefork
    keep "$PORT"
    ask_kept >/dev/null
    old=$(children "$(first_pid 1)")
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    # workers die, but not the one with the connection: others take their place
    for i in $old; do
        [[ $i == "$(ask_kept | cut -d' ' -f2)" ]] || kill -KILL "$i"
    done
    wait_until has_other_children "$(first_pid 1)" "$old"
    for i in 1 2 3 4; do
        serves_version "$PORT" v2
    done
    equal "$(ask_kept | cut -d' ' -f1)" v1 "the kept connection"
    close_kept
    wait_generation_gone 1
}

# has_other_children PARENT OLD: as many as before, of which one has stayed
has_other_children() {
    local now

    now=$(children "$1")
    [[ $(wc -w <<<"$now") == $(wc -w <<<"$2") ]] &&
        [[ $(comm -12 <(tr ' ' '\n' <<<"$now" | sort) <(tr ' ' '\n' <<<"$2" | sort) |
            grep -c .) == 1 ]]
}

@test "a stopped old process does not hold up the rest" {
    export TFPRELOAD_EXIT_TIMEOUT=3
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log 'generation 1: draining'
    kill -STOP "$(first_pid 1)"
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 1
    wait_generation_gone 2
}

@test "a stopped current process: the upgrade fails and says which, or succeeds, and nothing hangs" {
    serve epoll-level
    kill -STOP "$(first_pid 1)"
    kill -HUP "$PID"
    wait_for_log "generation 2: upgrade failed: process $(first_pid 1) of generation 1 did not"
    kill -CONT "$(first_pid 1)"
    upgrade v3
    serves_version "$PORT" v3
}

@test "a generation that signals its process group does not reach the next one, nor the helper" {
    requires python3
    # a group of its own: what goes wrong must not reach the tests
    start setsid env LD_PRELOAD="$LIBRARY" python3 "$PROGRAMS/group_killer.py" "$PORT"
    wait_ready 1
    local i
    for i in 1 2 3; do
        upgrade
        wait_generation_gone "$i"
        serves_version "$PORT" 1
    done
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 143 "status of the helper"
}

# It is told so by its own answers: the signal must not find it in the handler that sends them.
@test "without CAP_SYS_PTRACE, a process that has changed its uid waits again before it is told to stop" {
    requires root setpriv strace
    set_version v1
    start setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "$HELPER" -- "$TESTS/poll" \
        --port "$PORT" --version-file "$PWD/version" --user 65534
    wait_ready 1
    timeout 60 strace -qq -o trace -p "$(first_pid 1)" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$(first_pid 1)/status"
    upgrade
    wait_generation_gone 1
    wait_for_log '^--- SIGTERM' trace
    grep -B 1 '^--- SIGTERM' trace >before
    has_no_log rt_sigreturn before
}

@test "what is in progress at the exit timeout is named" {
    export TFPRELOAD_EXIT_TIMEOUT=4
    set_version v1
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    keep "$PORT"
    echo -n 'GET half a line' >&"$KEPT" # more is to come, or an answer
    upgrade v2
    wait_for_log '^tfpreload: generation 1: exit timeout with 2 connections left$'
    wait_for_log "^tfpreload: generation 1: 1 of them in progress: 127.0.0.1:[0-9]+, 0 bytes pending, quiet for .*; 127.0.0.1:[0-9]+, 0 bytes pending, quiet for "
    wait_generation_gone 1
}

@test "bytes that are pending at the exit timeout are counted" {
    local reader

    requires python3
    export TFPRELOAD_EXIT_TIMEOUT=2
    serve_habit fork
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    reader=$(children "$(first_pid 1)")
    kill -STOP "${reader% }"
    wait_until grep -q '^State:[[:space:]]*T' "/proc/${reader% }/status"
    echo 'GET what nobody reads' >&"$KEPT"
    wait_for_log '^tfpreload: generation 1: 1 of them in progress: 127.0.0.1:[0-9]+, 22 bytes pending, quiet for '
    wait_generation_gone 1
}

@test "TFPRELOAD_EXIT_TIMEOUT=none waits as long as it takes" {
    requires jq
    TFPRELOAD_EXIT_TIMEOUT=none serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log '^tfpreload: generation 1: draining 1 connection, for as long as it takes$'
    equal "$("$HELPER" status --json "$PID" | jq -c '[.settings["exit-timeout"], .generations[1].deadline_seconds]')" \
        '["none",null]' 'setting and deadline'
    [[ $(ask_kept) == "v1 "* ]]
    close_kept
    wait_generation_gone 1
    has_log '^tfpreload: generation 1: drained after'
}

@test "TFPRELOAD_MAX_GENERATIONS: the oldest is stopped, and the log says whom that cuts" {
    local i

    export TFPRELOAD_MAX_GENERATIONS=3
    set_version v1
    serve epoll-level
    for i in 1 2 3; do
        keep "$PORT"
        ask_kept >/dev/null
        has_no_log 'cut short'
        upgrade "v$((i + 1))"
    done
    wait_generation_gone 1
    has_log '^tfpreload: generation 1: cut short with 1 connection left: there are more than 3 generations$'
    has_log '^tfpreload: generation 1: cut short after .*: it is told to stop$'
    kept_has_ended "${KEPT_ALL[0]}"
    equal "$(ask_kept "${KEPT_ALL[1]}" | cut -d' ' -f1)" v2 'the second generation'
    equal "$(ask_kept "${KEPT_ALL[2]}" | cut -d' ' -f1)" v3 'the third generation'
}

@test "stop --generation ends one early, and no other" {
    local number

    set_version v1
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v3
    run -0 --separate-stderr "$HELPER" stop --generation 1 "$PID"
    equal "$output$stderr" '' output
    has_log '^tfpreload: generation 1: cut short with 1 connection left: it was asked for$'
    has_log '^tfpreload: generation 1: gone'
    kept_has_ended "${KEPT_ALL[0]}"
    equal "$(ask_kept "${KEPT_ALL[1]}" | cut -d' ' -f1)" v2 'the second generation'
    for number in 1 3 4; do
        run -1 --separate-stderr "$HELPER" stop --generation "$number" "$PID"
        equal "$stderr" "tfhelper: generation $number does not drain" stderr
    done
    run -2 --separate-stderr "$HELPER" stop --generation x "$PID"
    serves_version "$PORT" v3
}

#!/usr/bin/env bats
#
# An upgrade that fails: one line says why, the old generation serves on, and the next request
# tries again.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# fails_and_recovers PATTERN: the next upgrade, by what the test has prepared. Under load.
fails_and_recovers() {
    local next

    upgrade_fails "$1"
    next=$(newest_generation)
    equal "$(count_log "^tfpreload: generation $next: upgrade failed")" 1 "lines about the failure"
    has_log "^tfpreload: generation $next: upgrade failed: .*; generation 1 serves on$"
    wait_until only_generation_1
    serves_version "$PORT" v1
}

fails_under_load() {
    local server=$1 pattern=$2

    shift 2
    serve "$server" --workers 12
    start_load "$PORT" --clients 3 --kept 2 --kept-interval 10
    set_options "$@"
    set_version v2
    fails_and_recovers "$pattern"
    fails_and_recovers "$pattern"
    set_options
    set_version v4
    upgrade
    serves_version "$PORT" v4
    stop_load # with it go the kept connections that the old generation drains
    wait_generation_gone 1
}

# ---- every way to fail before being ready, under load ----

# bats test_tags=fast
@test "a new version that crashes" {
    fails_under_load epoll-level 'was killed by SIGSEGV after [0-9.]+ m?s, before it was ready' --crash
}

@test "a new version that crashes, thread" {
    fails_under_load thread 'was killed by SIGSEGV after [0-9.]+ m?s, before it was ready' --crash
}

@test "a new version that exits with a status" {
    fails_under_load poll 'exited with status 3 after [0-9.]+ m?s, before it was ready' --exit 3
}

@test "a new version that exits with status 0" {
    fails_under_load select 'exited with status 0 after [0-9.]+ m?s, before it was ready' --exit 0
}

@test "a new version that exits when it has adopted and listens" {
    fails_under_load epoll-edge 'exited with status 4 after [0-9.]+ m?s' --exit-after-listen 4
}

@test "a new version that exits when it has adopted and listens, fork" {
    fails_under_load fork 'exited with status 4 after [0-9.]+ m?s' --exit-after-listen 4
}

@test "a new version that fails after a change to non-blocking, and back" {
    fails_under_load fork 'exited with status 4' --nonblock --exit-after-listen 4
}

@test "a new version that fails after a change to blocking" {
    fails_under_load epoll-level 'exited with status 4' --block --exit-after-listen 4
}

@test "a new version that does not understand its configuration" {
    fails_under_load prefork 'exited with status 2' --no-such-option
}

@test "a new version that hangs until the ready timeout" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 4) # which is what the good one has, too
    export TFPRELOAD_READY_TIMEOUT
    fails_under_load poll 'not ready within the ready timeout of [0-9.]+ s' --hang
}

@test "a new version that takes too long to listen" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 4)
    export TFPRELOAD_READY_TIMEOUT
    fails_under_load epoll-level 'not ready within the ready timeout of [0-9.]+ s' --listen-delay 100000
}

@test "a new version that cannot bind another address" {
    local taken

    taken=$(free_port)
    start "$TESTS/poll" --port "$taken"
    fails_under_load poll 'exited with status 1' --listen "127.0.0.1:$taken"
}

# fails_to_execute PATTERN COMMAND...: what makes ./server impossible to execute
fails_to_execute() {
    local pattern=$1

    shift
    cp "$TESTS/epoll-level" server
    cp server good
    set_version v1
    start_server ./server --port "$PORT" --version-file version
    start_load "$PORT" --clients 3
    "$@"
    set_version v2
    fails_and_recovers "cannot execute .*server: $pattern"
    rm -rf server
    mv good server
    upgrade v3
    serves_version "$PORT" v3
    stop_load
}

@test "a binary that is not executable any more" {
    fails_to_execute 'Permission denied' chmod -x server
}

@test "a binary that is missing" {
    fails_to_execute 'No such file or directory' rm server
}

@test "a binary that is a directory" {
    fails_to_execute 'Permission denied' become_directory
}

become_directory() {
    rm server
    mkdir server
}

@test "a binary that is truncated" {
    fails_to_execute 'Exec format error' become_garbage
}

become_garbage() {
    cp server broken
    truncate -s 3 broken
    mv broken server
}

@test "a binary that needs a library which is missing" {
    cp "$TESTS/epoll-level" server
    cp "$TESTS/epoll-level" good
    set_version v1
    start_server ./server --port "$PORT" --version-file version
    start_load "$PORT" --clients 3
    # another name of the same length for libc
    sed 's/libc\.so\.6/libX.so.6/g' good >broken
    chmod +x broken
    mv broken server
    upgrade_fails 'exited with status 127'
    serves_version "$PORT" v1
    mv good server
    upgrade v3
    serves_version "$PORT" v3
    stop_load
}

# ---- its family ----

# A script whose generations are good or bad as the file `mode` says.
write_script() {
    cat >server.sh <<END
#!/bin/sh
case \$(cat mode) in
good) exec "$TESTS/epoll-level" --port $PORT --version-file version ;;
exits)
    setsid sleep 1000 &
    sleep 1000 &
    (sleep 1000 & sleep 1000) &
    sleep 0.3 # until they are there
    exit 3
    ;;
hangs)
    setsid sh -c 'trap "" TERM HUP INT; sleep 1000 & setsid sleep 1000'
    ;;
forks) # until it is killed, children that leave nothing to find them by
    while :; do env -i setsid sleep 1000 & sleep 0.01; done
    ;;
esac
END
    chmod +x server.sh
    echo good >mode
}

family_of_failed_is_killed() {
    write_script
    set_version v1
    start_server ./server.sh
    start_load "$PORT" --clients 2
    echo "$1" >mode
    upgrade_fails "$2"
    wait_until only_generation_1
    # not a single sleep of ours is left, whoever its parent is
    wait_until no_process_of_ours_but "$PID" "$(guard_of "$PID")" "$(first_pid 1)" "$LOAD_PID"
    echo good >mode
    upgrade v3
    serves_version "$PORT" v3
    stop_load
}

no_process_of_ours_but() {
    equal "$(marked | sort -n | paste -sd' ')" "$(printf '%s\n' "$@" | sort -n | paste -sd' ')"
}

@test "the children of a new version that exits are killed" {
    family_of_failed_is_killed exits 'exited with status 3'
}

@test "the whole family of a new version that hangs is killed" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 4)
    export TFPRELOAD_READY_TIMEOUT
    family_of_failed_is_killed hangs 'not ready within'
}

@test "a new version that forks all the time is killed with all of its children" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 4)
    export TFPRELOAD_READY_TIMEOUT
    family_of_failed_is_killed forks 'not ready within'
    wait_generation_gone 1
    equal "$(children "$PID" | wc -w)" 1 "children of the helper"
}

@test "a daemon that fails in the background: it is that process whose end is told" {
    set_version v1
    set_options
    start_with_library "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version" --options-file "$PWD/options"
    wait_end
    wait_ready 1
    PID=$(<pid)
    STARTED+=("$PID")
    set_options --exit 3
    upgrade_fails 'process [0-9]+, in the background, exited with status 3 after .*, before it was ready; generation 1'
    set_options --crash
    kill -HUP "$PID"
    wait_for_log 'generation 3: upgrade failed: process [0-9]+, in the background, was killed by SIGSEGV'
    serves_version "$PORT" v1
}

# lock_server SECONDS: a server that wants the lock of a file, as databases do, again and again
lock_server() {
    requires python3
    cat >locks.py <<'END'
import fcntl, os, socket, sys, time
data = open("data", "w")
while os.path.exists("alone"):
    try:
        fcntl.lockf(data, fcntl.LOCK_EX | fcntl.LOCK_NB)
        break
    except OSError:
        time.sleep(0.1)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listener.accept()[0].close()
END
    touch alone
    start "$HELPER" --ready-timeout "$1" -- python3 locks.py "$PORT"
}

@test "a new version that waits for a lock which the old one has is told so" {
    lock_server 4
    wait_ready 1
    upgrade_fails "not ready within .*: it may wait for the lock of $PWD/data, which process $(first_pid 1) has, and if two cannot run at once, set TFPRELOAD_OVERLAP=no; generation 1"
    # one that waits for none is told what it was before
    rm alone
    upgrade
}

@test "an old process that does not retire: the log says what it does instead" {
    serve prefork
    local workers

    read -ra workers <<<"$(children "$(first_pid 1)")"
    upgrade_by_stopping "${workers[0]}"
    has_log "generation 1: process ${workers[0]} has not given up its listeners after .*: it is stopped\$"
    kill -CONT "${workers[0]}"
    wait_retired 1
}

# upgrade_by_stopping PROCESS: it stops once the new version is ready, and before it retires
upgrade_by_stopping() {
    set_options --start-when go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -STOP "$1"
    touch go
    wait_ready 2
    wait_for_log 'has not given up its listeners'
}

# ---- one that has taken clients when it fails ----

answers_with() {
    [[ $(ask "$PORT" 2>&1) == "$1 "* ]]
}

# serve_two_versions SERVER: v1 serves, and v2 takes clients, too, until a probe that never succeeds
serve_two_versions() {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 3)
    export TFPRELOAD_READY='exec:test ! -e bad' TFPRELOAD_READY_TIMEOUT
    serve "$1" --workers 24
    wait_until answers_with v1 # the probe has not shown that it listens
    touch bad
    set_version v2
    kill -HUP "$PID"
    wait_until serves_by_both "$PORT"
}

# Keeps a connection with v1 as WITH_v1, and one with v2 as WITH_v2.
serves_by_both() {
    local answer with

    keep "$1"
    answer=$(ask_kept) || return 1
    with=WITH_${answer%% *}
    if [[ ${!with:-} ]]; then
        exec {KEPT}>&-
        unset 'KEPT_ALL[-1]'
    else
        printf -v "$with" %s "$KEPT"
    fi
    [[ ${WITH_v1:-} && ${WITH_v2:-} ]]
}

lets_clients_of_a_failed_one_finish() {
    serve_two_versions "$1"
    start_load "$PORT" --clients 3 --kept 4
    wait_for_log '^tfpreload: generation 2: upgrade failed: .*the probe does not succeed.*; generation 1 serves on$'
    serves_version "$PORT" v1
    [[ $(asked on "$WITH_v2") == "v2 "*" on" ]]
    [[ $(asked on "$WITH_v1") == "v1 "*" on" ]]
    has_log '^tfpreload: generation 2: draining [0-9]+ connections?, for at most 30 s$'
    stop_load
    close_kept
    wait_generation_gone 2
    wait_until only_generation_1
    rm bad
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 1
}

@test "clients of a version that fails late are not cut off, epoll" {
    lets_clients_of_a_failed_one_finish epoll-level
}

@test "clients of a version that fails late are not cut off, thread" {
    lets_clients_of_a_failed_one_finish thread
}

@test "clients of a version that fails late are not cut off, prefork" {
    lets_clients_of_a_failed_one_finish prefork
}

@test "clients of a version that fails late are not cut off, fork" {
    lets_clients_of_a_failed_one_finish fork
}

@test "a version that fails late, and hangs, is not waited for" {
    serve_two_versions poll
    wait_for_log '^tfpreload: generation 2: started, pid'
    kill -STOP "$(sed -nE 's/^tfpreload: generation 2: started, pid ([0-9]+),.*/\1/p' "$LOG")"
    wait_for_log '^tfpreload: generation 2: upgrade failed: .*; generation 1 serves on$'
    serves_version "$PORT" v1
    wait_until only_generation_1
}

@test "an upgrade that is asked for while a version fails late comes after it" {
    serve_two_versions epoll-level
    set_version v3
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2 is not ready yet: the upgrade is noted'
    wait_for_log '^tfpreload: generation 3: upgrade from generation 1 begins'
    rm bad
    wait_ready 3
    wait_until serves_version "$PORT" v3
    close_kept
    wait_generation_gone 2
    wait_generation_gone 1
    equal "$(grep -oE '^tfpreload: generation (2: upgrade failed|3: upgrade from)' "$LOG" | tail -n 2 | paste -sd,)" \
        'tfpreload: generation 2: upgrade failed,tfpreload: generation 3: upgrade from' 'order of the lines'
}

#!/usr/bin/env bats
#
# A generation finds the world as if there were no other one: processes, files and addresses of its
# predecessor, and of its successor.
# shellcheck disable=SC2034,SC2153 # variables of the helpers

load helpers
load listeners

# start_with_pidfile WAY: of tests/programs/pidfile.py
start_with_pidfile() {
    requires python3
    echo "$1" >how
    start_server python3 "$PROGRAMS/pidfile.py" how "$PWD/pid" "$PORT"
}

# ---- processes ----

# bats test_tags=fast
@test "an old generation does not end its successor, which its pid file names" {
    export TFPRELOAD_EXIT_TIMEOUT=2
    start_with_pidfile front
    upgrade
    upgrade
    wait_generation_gone 2
    serves_version "$PORT" front
    equal "$(sort -u "$OUT")" none "what the old ones found"
}

@test "a server that gives up when its pid file names a live process" {
    start_with_pidfile looks
    upgrade
    upgrade
    serves_version "$PORT" looks
    # for everybody else, it lives
    kill -0 "$(cat pid)"
}

@test "a server that ends whatever its pid file names before it starts" {
    start_with_pidfile kills
    keep "$PORT"
    upgrade
    equal "$(cut -d' ' -f1-3 "$OUT")" "-1 3 -1" "what it was told" # ESRCH
    equal "$(ask_kept | cut -d' ' -f1)" kills "the answer of the old generation"
}

@test "a new generation that fails does not remove the pid file of the one that serves" {
    local pid
    start_with_pidfile looks
    pid=$(cat pid)
    echo fails >how
    upgrade_fails 'exited with status 3'
    equal "$(cat pid)" "$pid" "the pid file"
    serves_version "$PORT" looks
}

@test "a process of a generation signals its own, and strangers" {
    local stranger
    sleep 100 &
    stranger=$!
    STARTED+=("$stranger")
    cat >run <<END
#!/bin/sh
sleep 100 &
kill \$! && kill $stranger
echo "\$?" >signalled
exec "$TESTS/poll" --port $PORT --version-file "$PWD/version"
END
    chmod +x run
    set_version v1
    start_server ./run
    equal "$(cat signalled)" 0 "status of kill"
    wait_gone "$stranger"
}

# ---- addresses ----

# start_probe WAY ARGUMENT...: of tests/programs/probe.py
start_probe() {
    local way=$1

    shift
    requires python3
    set_version v1
    start_server python3 "$PROGRAMS/probe.py" "$way" version "$@"
}

# bats test_tags=fast
@test "a server that gives up when somebody answers at its path" {
    start_probe gives_up "$PWD/socket"
    upgrade v2
    upgrade v3
    answers "unix $PWD/socket" v3
    equal "$(count_log 'does not listen on')" 0 "listeners that were lost"
}

@test "a server that gives up when somebody answers at its port" {
    start_probe gives_up "$PORT"
    upgrade v2
    upgrade v3
    serves_version "$PORT" v3
}

@test "a server that gives up when somebody answers, whose predecessor is gone: its queue is not somebody" {
    TFPRELOAD_OVERLAP=no start_probe gives_up "$PWD/socket"
    upgrade v2
    answers "unix $PWD/socket" v2
    : >"$LOG"
    TFPRELOAD_RESTART=on-failure start_probe gives_up "$PORT"
    wait_until helper_holds_listener
    kill -KILL "$(first_pid 1)"
    wait_ready 2
    serves_version "$PORT" v1
}

@test "a front end that starts a back end of its own, unless it finds one" {
    start_probe spawns "$PWD/socket" "$PORT"
    keep "$PORT"
    upgrade v2
    serves_version "$PORT" v2
    wait_retired 1
    close_kept
    wait_generation_gone 1
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
}

@test "a server that talks to its predecessor" {
    export TFPRELOAD_ALONE=no
    start_probe talks "$PORT"
    upgrade v2
    equal "$(sed -n '2s/ [0-9]* / /p' "$OUT")" "b'v1 token\\n'" "what the predecessor answered"
}

@test "without TFPRELOAD_ALONE=no, it finds none" {
    start_probe talks "$PORT"
    upgrade v2
    equal "$(sort -u "$OUT")" None "what the predecessor answered"
}

# ---- locks and files ----

# start_with_lock WAY: of tests/programs/locks.py
start_with_lock() {
    requires python3
    echo "$1" >how
    start_server python3 "$PROGRAMS/locks.py" how "$PWD/lock" "$PORT"
}

# The lock of kind $1 is somebody's: PID has it.
is_locked_by() {
    local pid kind

    while read -r _ kind _ _ pid _; do
        [[ $kind != "$1" || $pid != "$2" ]] || return 0
    done < <(grep ":$(stat -c %i lock) " /proc/locks)
    fail "no $1 lock of process $2: $(grep ":$(stat -c %i lock) " /proc/locks)"
}

# lock_is_shared WAY KIND: by two generations at a time, and passed on
lock_is_shared() {
    export TFPRELOAD_SHARED_FILES=/nowhere:$PWD/lock
    start_with_lock "$1"
    upgrade
    wait_generation_gone 1
    wait_until is_locked_by "$2" "$(first_pid 2)"
    upgrade
    wait_generation_gone 2
    wait_until is_locked_by "$2" "$(first_pid 3)"
    echo "$1 fail" >how
    upgrade_fails 'exited with status 3'
    is_locked_by "$2" "$(first_pid 3)"
    serves_version "$PORT" "$1"
}

# bats test_tags=fast
@test "a lock of flock(2) on a file that the operator has named" {
    lock_is_shared flock FLOCK
}

@test "a lock of flock(2) that is waited for" {
    lock_is_shared waits FLOCK
}

@test "a lock of fcntl(2) on a file that the operator has named" {
    lock_is_shared posix POSIX
}

@test "a lock of lockf(3) on a file that the operator has named" {
    lock_is_shared lockf POSIX
}

# /proc/locks has no pid for these
@test "a lock of an open file description on a file that the operator has named" {
    export TFPRELOAD_SHARED_FILES=$PWD/lock
    start_with_lock ofd
    upgrade
    wait_generation_gone 1
    wait_until is_locked_by OFDLCK -1
}

@test "a file that is to be made anew, and that the operator has named" {
    export TFPRELOAD_SHARED_FILES=$PWD/lock
    start_with_lock exclusive
    upgrade
    wait_generation_gone 1
    equal "$(cat lock)" "lock of $(first_pid 2)" "the file"
    upgrade
    wait_generation_gone 2
    equal "$(cat lock)" "lock of $(first_pid 3)" "the file"
    kill -TERM "$PID"
    wait_end
    [[ ! -e lock ]] || fail "the last generation's file was not removed"
}

@test "a lock that nobody has named stays one, and the log says why the upgrade failed" {
    local way
    for way in flock posix; do
        rm -f lock
        start_with_lock "$way"
        upgrade_fails "exited with status 5 after .*, before it was ready: generation 1 has locked $PWD/lock, and if two cannot run at once, set TFPRELOAD_OVERLAP=no; generation 1 serves on\$"
        has_log '^tfpreload: generation 2: it has met its predecessor: lock is locked, and TFPRELOAD_SHARED_FILES does not name it$'
        serves_version "$PORT" "$way"
        kill -TERM "$PID"
        wait_end
        : >"$LOG"
    done
}

@test "a file that nobody has named is in the way, and the log says so" {
    start_with_lock exclusive
    exec 9>>lock # so that the log is not about its pid alone
    upgrade_fails 'exited with status 5'
    exec 9>&-
    serves_version "$PORT" exclusive
}

@test "a named file that another one than the predecessor has locked stays locked" {
    requires flock
    export TFPRELOAD_SHARED_FILES=$PWD/lock
    touch lock
    start_with_lock stale
    rm lock
    touch lock
    start flock --no-fork "$PWD/lock" sleep 100
    wait_until refute flock -n lock true
    PID=${STARTED[0]}
    echo flock >how
    upgrade_fails 'exited with status 5'
}

@test "a pid file that a new generation removes and makes anew" {
    start_with_lock stale
    upgrade
    equal "$(cat lock)" "$(first_pid 2)" "the pid file"
    echo "stale fail" >how
    upgrade_fails 'exited with status 3'
}

@test "rm -f PIDFILE; exec SERVER" {
    cat >run <<END
#!/bin/sh
rm -f $PWD/pid
echo \$\$ >$PWD/pid || exit 7
exec "$TESTS/poll" --port $PORT --version-file "$PWD/version"
END
    chmod +x run
    set_version v1
    start_server ./run
    upgrade v2
    equal "$(cat pid)" "$(first_pid 2)" "the pid file"
}

@test "a predecessor that TFPRELOAD_ALONE=no shows is named when the upgrade fails" {
    export TFPRELOAD_ALONE=no
    start_probe gives_up "$PWD/socket"
    upgrade_fails 'exited with status 1'
    has_log "it has met its predecessor: somebody answers at unix:$PWD/socket, and TFPRELOAD_ALONE=no lets it"
}

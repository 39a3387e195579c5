#!/usr/bin/env bats
#
# What kernels since 4.9 have in addition, hidden in turn: an upgrade under load works without it.
# tests/programs/without.c says how it is hidden.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# serve_without FEATURE... -- NAME [OPTION]...: one of tests/servers, below the library
serve_without() {
    local -a features=()

    while [[ $1 != -- ]]; do
        features+=("$1")
        shift
    done
    shift
    set_version v1
    : >"$LOG"
    start "$TESTS/without" "${features[@]}" -- env LD_PRELOAD="$LIBRARY" "$TESTS/$1" --port "$PORT" \
        --version-file "$PWD/version" --options-file "$PWD/options" --strict "${@:2}"
    wait_ready 1
}

# upgraded_without FEATURE...: servers of three kinds lose nothing
upgraded_without() {
    local name

    for name in thread prefork epoll-edge; do
        PORT=$(free_port)
        serve_without "$@" -- "$name"
        start_load "$PORT" --clients 4 --kept 4 --kept-life 1
        upgrade v2
        upgrade v3
        stop_load
        serves_version "$PORT" v3
        wait_generation_gone 1
        has_no_log 'warning|cannot|without upgrades'
        kill -TERM "$PID"
        wait_end
    done
}

@test "what is hidden is not there, or nothing here is tested" {
    requires python3
    python3 -c 'import os; os.memfd_create("there")'
    refute "$TESTS/without" memfd_create -- python3 -c 'import os; os.memfd_create("hidden")'
    # shellcheck disable=SC2016 # for the other shell
    "$TESTS/without" children -- sh -c 'cat /proc/$$/status >/dev/null && ! cat /proc/$$/task/$$/children'
    "$TESTS/without" linux-4.9 -- python3 -c 'import mmap
try:
    mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).madvise(18)
except OSError:
    exit(0)
exit(1)'
}

@test "without statx" {
    upgraded_without statx
}

@test "without meminfo" {
    upgraded_without meminfo
}

@test "without kcmp_epoll" {
    upgraded_without kcmp_epoll
}

@test "without kcmp" {
    upgraded_without kcmp
}

@test "without wipeonfork" {
    upgraded_without wipeonfork
}

@test "without bindtoifindex" {
    upgraded_without bindtoifindex
}

@test "without pidfd_send_signal" {
    upgraded_without pidfd_send_signal
}

@test "without pidfd_open" {
    upgraded_without pidfd_open
}

@test "without pidfd_getfd" {
    upgraded_without pidfd_getfd
}

@test "without clone3" {
    upgraded_without clone3
}

@test "without close_range" {
    upgraded_without close_range
}

@test "without peerpidfd" {
    upgraded_without peerpidfd
}

@test "without memfd_create" {
    upgraded_without memfd_create
}

@test "without getrandom" {
    upgraded_without getrandom
}

@test "without process_vm" {
    upgraded_without process_vm
}

@test "without execveat" {
    upgraded_without execveat
}

@test "without children" {
    upgraded_without children
}

@test "without linux-4.9" {
    upgraded_without linux-4.9
}

# Docker's and Podman's profiles name the calls that they allow: an older one denies what is newer.
@test "in a sandbox that knows no call which is newer than 2016" {
    upgraded_without denied:{statx,pidfd_open,pidfd_send_signal,pidfd_getfd,close_range,epoll_pwait2} \
        denied:{kcmp,process_vm,ptrace} clone3
}

# ---- what only some servers need ----

# Nothing but the kernel tells of this end: it is no child of the helper's.
@test "without pidfd_open: the end of a daemon in the background is noticed" {
    set_version v1
    start "$TESTS/without" pidfd_open -- env LD_PRELOAD="$LIBRARY" "$TESTS/daemonize" "$PWD/pid" \
        "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_end
    wait_ready 1
    kill -KILL "$(<pid)"
    wait_until none_marked
}

@test "without pidfd_open: a command that stops the service waits for its end" {
    serve_without pidfd_open -- poll
    "$TESTS/without" pidfd_open -- "$HELPER" stop "$PID"
    is_gone "$PID" || fail "tfhelper is still there"
}

@test "without memfd_create: there is a status" {
    serve_without memfd_create -- poll
    "$TESTS/without" memfd_create -- "$HELPER" status "$PID" >shown
    grep -q generation shown
}

# set_serves ANSWERS: who in the set answers, of many clients
set_serves() {
    equal "$(python3 "$PROGRAMS/reuseport_set.py" ask tcp 127.0.0.1 "$PORT" 60)" "$1" "who answers"
}

@test "without SO_DETACH_REUSEPORT_BPF: a set of sockets grows, and each gets clients" {
    requires python3
    echo 2 >members
    touch go
    start "$TESTS/without" detach_reuseport -- env LD_PRELOAD="$LIBRARY" \
        python3 "$PROGRAMS/reuseport_set.py" serve tcp 127.0.0.1 "$PORT"
    wait_ready 1
    rm go
    echo 4 >members
    kill -HUP "$PID"
    wait_for_log '^bound 4$' "$OUT"
    set_serves "0/2 1/2" # the new ones get none before they are ready
    touch go
    wait_retired 1
    wait_until set_serves "0/4 1/4 2/4 3/4"
}

@test "without seccomp notifications: who cannot be watched runs, and one line says so" {
    set_version v1
    start "$TESTS/without" seccomp_notify -- "$HELPER" --way trace -- "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version"
    wait_for_log 'this kernel has no seccomp notifications'
    wait_until serves_version "$PORT" v1
}

#!/usr/bin/env bats
#
# Every kind of server: what programs do with processes, descriptors and signals beside serving.

load helpers

# habit_under_load HABIT: twice, with nothing lost, and no client for old code afterwards
habit_under_load() {
    local i

    serve_habit "$1"
    start_load "$PORT" --clients 4 --kept 2 --kept-life 1
    for i in 2 3; do
        upgrade "v$i"
        serves_version "$PORT" "v$i"
    done
    stop_load
    wait_generation_gone 1
    wait_generation_gone 2
    serves_version "$PORT" v3
}

# ---- programs that are executed ----

@test "a program that executes itself and keeps the listener" {
    habit_under_load exec-self
}

@test "a program that executes another one, which inherits the listener and serves" {
    habit_under_load exec-helper
}

@test "a program that executes another one, which inherits the listener and never looks at it" {
    habit_under_load idle-helper
}

@test "a program that inherits the listener and begins to serve when its generation has retired" {
    local i

    serve_habit late-helper
    wait_for_log '^looks on$' "$OUT"
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    touch go
    wait_for_log "^accepts [0-9]+ v1" "$OUT"
    for i in 1 2 3 4; do
        serves_version "$PORT" v2
    done
    equal "$(ask_kept | cut -d' ' -f1)" v1 "the kept connection"
}

@test "a program that starts others by vfork and posix_spawn" {
    habit_under_load spawn
}

@test "a worker that starts others by vfork before it has done anything else" {
    mkfifo words
    start_server "$TESTS/threads" "$PORT" "$PWD/words" accept
    echo worker >words
    wait_for_log '^done vfork' "$OUT"
    upgrade
}

@test "a program whose main thread has ended, and others serve" {
    local i

    start_server "$TESTS/threads" "$PORT" none accept accept leave
    wait_for_log '^done leave' "$OUT"
    keep "$PORT"
    ask_kept
    for i in 1 2; do
        upgrade
        equal "$(ask "$PORT")" "1 $(first_pid "$((i + 1))") token"
    done
    ask_kept
    has_log 'generation 1: draining 1 connection'
    close_kept
    wait_generation_gone 1
    wait_generation_gone 2
    has_log 'generation 1: drained'
}

# ---- listeners under other numbers, and in other processes ----

@test "a listener under other numbers: dup, dup2, dup3, F_DUPFD_CLOEXEC" {
    habit_under_load dup
}

@test "a listener that is passed to a worker which was forked before" {
    habit_under_load pass
}

@test "a listener that is passed to a worker which is another program" {
    habit_under_load pass-executed
}

@test "workers that bind themselves and are replaced while their master drains take no client" {
    local old i

    serve_habit reuseport
    wait_until has_listening_workers 2
    keep "$PORT"
    old=$(ask_kept)
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    # one has the connection; the other one ends, and the old master starts a new one
    for i in $(children "$(first_pid 1)"); do
        [[ "$old" == "v1 $i kept" ]] || kill -KILL "$i"
    done
    wait_until has_v1_workers 3
    for i in 1 2 3 4; do
        serves_version "$PORT" v2
    done
    equal "$(ask_kept)" "$old" "the kept connection"
    close_kept
    wait_generation_gone 1
    serves_version "$PORT" v2
}

# datagram_workers HABIT: the same with datagram sockets
datagram_workers() {
    local old

    requires python3
    set_version v1
    start_with_library python3 "$PROGRAMS/habits.py" "$1" "$PORT" version
    wait_until has_receiving_workers v1 2
    touch go
    wait_ready 1
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    mapfile -t old < <(awk '$3 == "v1" { print $2 }' "$OUT")
    kill -KILL "${old[@]}"
    wait_until has_receiving_workers v1 4
    "$TESTS/udp-load" 127.0.0.1 "$PORT" 16 1 >udp.out 2>log-versions
    cat udp.out
    has_log "lost 0 wrong 0 .* versions 1" udp.out
    has_no_log v1 log-versions
    equal "$(ask_kept | cut -d' ' -f1)" v1 "the kept connection"
}

has_receiving_workers() {
    equal "$(count_log "^worker [0-9]+ $1 receives" "$OUT")" "$2"
}

@test "datagram workers that are replaced while their master drains take no client" {
    datagram_workers datagrams
}

@test "datagram workers that are replaced while their master, which served itself, drains" {
    datagram_workers datagrams-too
}

has_listening_workers() {
    equal "$(count_log '^worker .* listens' "$OUT")" "$1"
}

has_v1_workers() {
    equal "$(count_log '^worker [0-9]+ v1 listens' "$OUT")" "$1"
}

# ---- children ----

@test "a child that outlives its parent finishes what it does" {
    local old

    serve_habit fork
    keep "$PORT"
    old=$(ask_kept)
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    kill -KILL "$(first_pid 1)"
    wait_gone "$(first_pid 1)"
    equal "$(ask_kept)" "$old" "the kept connection"
    upgrade v3
    equal "$(ask_kept)" "$old" "the kept connection"
    close_kept
    wait_gone "$(cut -d' ' -f2 <<<"$old")"
}

@test "waitpid(-1) returns the server's own children, and nobody else" {
    serve_habit reap
    start_load "$PORT" --clients 2
    upgrade v2
    # generations come and go, the failed one among them: none is a child of the server
    set_version ""
    mv version version.hidden
    upgrade_fails 'exited with status 1'
    mv version.hidden version
    upgrade v4
    stop_load
    wait_generation_gone 2
    has_no_log FOREIGN "$OUT"
    has_log '^own child 0$' "$OUT"
}

# ---- signals ----

# owns_signals HABIT: the program takes every signal that is its own, and none of ours
owns_signals() {
    serve_habit "$1"
    start_load "$PORT" --clients 4 --kept 2 --kept-life 1
    upgrade v2
    kill -USR1 "$PID"
    wait_for_log '^signal 10$' "$OUT"
    kill -HUP "$(first_pid 2)" # from outside, to its own pid: an upgrade
    wait_ready 3
    wait_retired 2
    stop_load
    wait_generation_gone 1
    wait_generation_gone 2
    has_log 'generation 1: gone .*, exited with status 0'
    has_log 'generation 2: gone .*, exited with status 0'
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0 "status of the server"
    equal "$(sort -u "$OUT" | paste -sd,)" "signal 10,signal 15" "signals that it saw"
}

@test "a program that blocks all signals and waits for them in a thread" {
    owns_signals sigwait
}

@test "threads that begin with all signals blocked" {
    local _

    mkfifo words
    start_server "$TESTS/threads" "$PORT" words accept masked masked
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining 1 connection'
    for _ in 1 2 3 4; do
        equal "$(ask "$PORT")" "1 $(first_pid 2) token"
    done
}

@test "a program that reads its signals from a signalfd" {
    owns_signals signalfd
}

# takes_own_hangup HABIT: a SIGHUP that it sends itself, as it would without us
takes_own_hangup() {
    local i

    serve_habit "$1"
    keep "$PORT"
    for i in 1 2; do
        equal "$(asked "raise")" raised
        wait_until has_taken_hangups "$i"
    done
    has_no_log 'generation 2: '
    upgrade v2
}

has_taken_hangups() {
    equal "$(count_log '^signal 1$' "$OUT")" "$1" "hang-ups"
}

@test "a program that waits for signals in a thread, and sends itself SIGHUP" {
    takes_own_hangup sigwait
    kill -HUP "$(first_pid 2)" # from outside it is an upgrade all the same
    wait_ready 3
    has_taken_hangups 2
}

@test "a program that reads its signals from a signalfd, and sends itself SIGHUP" {
    takes_own_hangup signalfd
}

@test "a program's own handlers for SIGURG and SIGHUP" {
    local i

    serve_habit handlers
    for i in 2 3; do
        upgrade "v$i"
        keep "$PORT"
        equal "$(asked handlers)" same "handlers of generation $i"
    done
    has_no_log handler "$OUT"
    # a signal of its own interrupts accept(), as its handler was installed without SA_RESTART
    keep "$PORT"
    equal "$(asked "raise")" raised
    wait_for_log '^handler 1$' "$OUT"
    # out-of-band data
    python3 - "$PORT" <<'END'
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"GET token\n")
client.recv(1000)
client.send(b"!", socket.MSG_OOB)
END
    ask "$PORT" >/dev/null
    wait_for_log '^handler 23$' "$OUT"
    equal "$(sort -u "$OUT" | paste -sd,)" "handler 1,handler 23" "calls"
    upgrade v4
    serves_version "$PORT" v4
}

@test "the signal calls of System V and BSD, made for every signal" {
    local habit

    for habit in sigset-default sigset-handler sigset-hold sigignore sighold sigblock sigsetmask \
        __sysv_signal sysv_signal bsd_signal ssignal; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$habit
        start_server "$TESTS/old-signals" "$PORT" "$habit"
        upgrade
        kill -HUP "$(first_pid 2)" # from outside, to its own pid: an upgrade
        wait_ready 3
        wait_retired 2
        serves_version "$PORT" 1
        has_no_log handler "$OUT"
        kill -TERM "$PID"
        wait_end
    done
}

# ---- other preloads beside ours ----

# beside LIBRARY: in both orders, C programs and a Python program
beside() {
    local order server other=$1

    [[ -e $other ]] || requires "$other"
    requires python3
    for order in "$LIBRARY:$other" "$other:$LIBRARY"; do
        for server in thread epoll-edge python; do
            upgrades_with_preloads "$order" "$server"
            grep -q "${other##*/}" "/proc/$(first_pid 3)/maps" || fail "$other is not loaded"
            kill -TERM "$PID"
            wait_end
        done
    done
}

# upgrades_with_preloads PRELOADS SERVER: twice, under load
upgrades_with_preloads() {
    local command

    PORT=$(free_port)
    : >"$LOG"
    set_version v1
    command=("$TESTS/$2" --port "$PORT" --version-file version)
    [[ $2 != python ]] || command=(python3 "$PROGRAMS/habits.py" fork "$PORT" version)
    LD_PRELOAD=$1 start "${command[@]}"
    wait_ready 1
    start_load "$PORT" --clients 4
    upgrade v2
    upgrade v3
    stop_load
}

DEBIAN_LIBRARIES=/usr/lib/$(uname -m)-linux-gnu

@test "another allocator beside us: jemalloc" {
    beside "$DEBIAN_LIBRARIES/libjemalloc.so.2"
}

@test "another clock beside us: libfaketime" {
    FAKETIME="-10d" beside "$DEBIAN_LIBRARIES/faketime/libfaketimeMT.so.1"
}

@test "another clock around the helper itself: libfaketime" {
    local faketime=$DEBIAN_LIBRARIES/faketime/libfaketimeMT.so.1

    [[ -e $faketime || ${TFPRELOAD_TEST_MUST:-} == 1 ]] || skip "$faketime is missing"
    LD_PRELOAD=$faketime FAKETIME="@2020-01-01 00:00:00" start "$HELPER" --exit-timeout 0.3 -- \
        "$TESTS/poll" --port "$PORT"
    wait_ready 1
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: exit timeout with 1 connection left'
    wait_generation_gone 1
    kill -TERM "$PID"
    wait_end
}

@test "stdbuf beside us" {
    export _STDBUF_O=L
    beside /usr/libexec/coreutils/libstdbuf.so
}

@test "stdbuf as its command sets it up" {
    set_version v1
    LD_PRELOAD=$LIBRARY start stdbuf -oL "$TESTS/thread" --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    upgrade v2
    serves_version "$PORT" v2
}

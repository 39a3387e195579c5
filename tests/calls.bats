#!/usr/bin/env bats
#
# Interposed calls return what libc returns, cost nothing, and are not interrupted by us.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- calls ----

# nothing_differs N: in the first N generations, which check one after the other
nothing_differs() {
    wait_until has_checked "$1"
    has_no_log '^DIFFERENT' "$OUT"
}

has_checked() {
    (($(count_log '^checked [0-9]+, different' "$OUT") >= $1))
}

@test "interposed calls return what libc returns, and keep errno" {
    start_server "$TESTS/calls" "$PORT"
    nothing_differs 1
}

@test "interposed calls return what libc returns, and keep errno, with an adopted listener" {
    start_server "$TESTS/calls" "$PORT"
    nothing_differs 1
    upgrade
    nothing_differs 2
}

@test "interposed calls return what libc returns, and keep errno, where datagram peers are kept" {
    export TFPRELOAD_UDP=sessions
    start_server "$TESTS/calls" "$PORT"
    nothing_differs 1
    upgrade
    nothing_differs 2
}

@test "interposed calls with an address that cannot be read fail as the kernel has them fail" {
    start_server "$TESTS/calls" "$PORT" unreadable
    nothing_differs 1
    upgrade
    nothing_differs 2
}

@test "without a session the calls are libc's own" {
    export TFPRELOAD_HELPER=/nowhere
    start_with_library "$TESTS/calls" "$PORT"
    nothing_differs 1
}

@test "handlers and masks are what the program has set" {
    start_server "$TESTS/signals" "$PORT"
    nothing_differs 1
}

@test "handlers and masks are what the program has set, with an adopted listener" {
    start_server "$TESTS/signals" "$PORT"
    nothing_differs 1
    upgrade
    nothing_differs 2
}

@test "threads and children inherit the mask that the program has set" {
    start_server "$TESTS/signals" "$PORT" inherit
    nothing_differs 1
    upgrade
    nothing_differs 2
}

@test "handlers and masks are what the program has set, in a seccomp filter" {
    start_with_library "$TESTS/signals" "$PORT" filter
    nothing_differs 1
    start_with_library "$TESTS/signals" "$(free_port)" handlers
    nothing_differs 2
}

@test "another upgrade signal: handlers and masks are what the program has set" {
    export TFPRELOAD_SIGNAL=USR2
    start_server "$TESTS/signals" "$PORT"
    nothing_differs 1
}

has_reported() {
    (($(count_log '^end of report' "$OUT") >= $1))
}

@test "the signal calls of System V and BSD do what they do without us, with an adopted listener or without" {
    OUT=$BATS_TEST_TMPDIR/out-plain start "$TESTS/old-signals" "$(free_port)" report
    OUT=$BATS_TEST_TMPDIR/out-plain wait_until has_reported 1
    kill -TERM "$PID"
    start_server "$TESTS/old-signals" "$PORT" report
    wait_until has_reported 1
    diff out-plain "$OUT"
    : >"$OUT"
    upgrade
    wait_until has_reported 1
    diff out-plain "$OUT"
}

# sshd's processes before the login are such.
@test "a program in a seccomp filter that knows nothing of our system calls" {
    "$HELPER" -- "$TESTS/sandboxed" >alive </dev/null || fail "status $?"
    equal "$(cat alive)" alive "what it says"
}

# ---- costs ----

# A wait with a time limit asks for the time, in case it has to go on with what is left of it.
@test "a server that is ready makes no system calls for the time" {
    requires strace
    grep -Eqx 'tsc|kvm-clock|hyperv_clocksource_tsc_page|arch_sys_counter' \
        /sys/devices/system/clocksource/clocksource0/current_clocksource ||
        skip "the kernel does not tell the time without one here"
    serve epoll-level --service-time 2 --lenient # a tracer interrupts a wait when it begins
    timeout 60 strace -qq -e trace=clock_gettime,epoll_wait -o trace -p "$(first_pid 1)" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$(first_pid 1)/status"
    ask "$PORT"
    wait_for_log 'epoll_wait\([0-9]+, .*, [0-9]+, [1-9][0-9]*\)' trace # with a time limit
    has_no_log clock_gettime trace
}

# ---- interruptions ----

WAITS=(poll ppoll select pselect epoll_wait epoll_pwait epoll_pwait2 nanosleep clock_nanosleep
    absolute_sleep sleep usleep thrd_sleep sigtimedwait sigwaitinfo pause sigsuspend sigpause
    __xpg_sigpause)
# what nobody wraps, and what only x86-64 makes again
[[ $(uname -m) != x86_64 ]] || WAITS+=(receive read recvmmsg recvmmsg_some connect msgrcv
    semop semtimedop sem_timedwait sem_clockwait aio_suspend threaded_recvfrom
    threaded_recvmmsg threaded_recvmmsg_some threaded_sendto threaded_msgrcv)

# those that know no time, and those whose time begins anew when they are made again
ENDLESS=(sigwaitinfo pause sigsuspend sigpause __xpg_sigpause msgrcv threaded_msgrcv semop)
ANEW=(receive read recvmmsg recvmmsg_some connect semtimedop threaded_recvfrom threaded_recvmmsg
    threaded_recvmmsg_some threaded_sendto)

teardown() {
    # unlike descriptors, these stay when their processes end
    sed -nE 's/^messages ([0-9]+)$/-q \1/p; s/^semaphores ([0-9]+)$/-s \1/p' "$OUT" | xargs -r ipcrm
    clean_up
}

@test "no wait is interrupted by an upgrade, and each still is by the program's own signals" {
    local name pid

    requires python3
    cat >full.py <<'END'
import signal, socket, sys
listener, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
listener.bind("\0" + sys.argv[1])
listener.listen(0)
client.connect("\0" + sys.argv[1])
print("full", flush=True)
signal.pause()
END
    start python3 full.py "$TFP_TEST_ID"
    wait_for_log full "$OUT"
    echo good >mode
    cat >server <<END
#!/bin/sh
case \$(cat mode) in
good) exec "$TESTS/waits" $PORT 2000 $TFP_TEST_ID ;;
*) exit 1 ;;
esac
END
    chmod +x server
    start_server ./server
    exec {KEPT}<>"/dev/tcp/127.0.0.1/$PORT" # it drains as long as this is open
    KEPT_ALL+=("$KEPT")
    wait_until has_begun "${#WAITS[@]}"
    cp "$OUT" children-1
    # collect and resume, twice, in the waits that know a time
    echo bad >mode
    upgrade_fails 'exited with status 1'
    upgrade_fails 'exited with status 1'
    echo good >mode
    for name in "${WAITS[@]}" recv; do
        [[ " ${ENDLESS[*]} " != *" $name "* ]] || continue
        wait_for_log "^$name timed: returned 0 in time" "$OUT"
    done
    # collect and retire, in the waits that only a signal ends
    upgrade
    wait_for_log 'generation 1: draining 1 connection'
    has_no_log ' long: ' "$OUT"
    for name in "${WAITS[@]}"; do
        pid=$(sed -n "s/^child $name //p" children-1)
        kill -USR1 "$pid"
        wait_for_log "^$name long: failed, EINTR" "$OUT"
    done
    has_no_log 'too early|timed: failed' "$OUT"
}

has_begun() { # so many waits
    (($(count_log '^child' "$OUT") >= $1))
}

@test "a wait that is interrupted again and again ends when its time has come" {
    local name

    TIMED=()
    for name in "${WAITS[@]}"; do
        [[ " ${ENDLESS[*]} ${ANEW[*]} " == *" $name "* ]] || TIMED+=("$name")
    done
    start_server "$TESTS/waits" "$PORT" 2000 "$TFP_TEST_ID"
    wait_until has_begun "${#WAITS[@]}"
    wait_until all_have_ended
    for name in "${TIMED[@]}"; do
        has_log "^$name timed: returned 0 in time" "$OUT"
    done
}

all_have_ended() {
    local name pid

    for name in "${TIMED[@]}"; do
        pid=$(sed -n "s/^child $name //p" "$OUT")
        "$TESTS/order" "$pid" "$pid" wake
    done
    for name in "${TIMED[@]}"; do
        grep -q "^$name timed: " "$OUT" || return 1
    done
}

@test "an accept() that has been restarted in the retired generation is interrupted by the program's own signal" {
    requires python3
    start_server python3 "$PROGRAMS/careless.py" "$PORT"
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    kill -USR1 "$(first_pid 1)"
    wait_for_log opened "$OUT" # its handler runs once accept() has returned
}

# The order has the lower number, so its handler runs first, and all other signals wait for that.
@test "a signal of the program's own that arrives while an order is carried out interrupts its wait" {
    local server

    requires python3
    cat >server.py <<'END'
import select, signal, socket, sys
signal.signal(signal.SIGRTMIN, lambda number, frame: print("own", flush=True))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
poll = select.poll()
poll.register(listener)
poll.poll()
END
    start_server python3 server.py "$PORT"
    server=$(first_pid 1)
    wait_until has_state S "$server" # in poll()
    kill -STOP "$server"
    wait_until has_state T "$server"
    "$TESTS/order" "$server" "$server" wake
    kill -RTMIN "$server"
    kill -CONT "$server"
    wait_for_log own "$OUT" # its handler runs once poll() has returned
}

# has_state LETTER PID
has_state() {
    grep -q "^State:.$1" "/proc/$2/status"
}

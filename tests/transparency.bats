#!/usr/bin/env bats
#
# What the server gets, and what others see of it, is what it would be without us.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- what a process is started with ----

# show_both COMMAND...: runs it with and without the library, and compares all that the program
# sees. Only LD_PRELOAD, which was asked for, and the session may differ.
show_both() {
    PRELOAD='' "$@" >shown || fail "without the library: status $?"
    mv shown plain
    PRELOAD=$LIBRARY "$@" >shown || fail "with the library: status $?"
    mv shown shimmed
    grep -q '^variable TFPRELOAD_SESSION=' shimmed || fail "no session"
    diff <(comparable plain) <(comparable shimmed)
}

comparable() {
    grep -Ev '^variable (TFPRELOAD_SESSION|LD_PRELOAD|PRELOAD)=' "$1"
}

# As LD_PRELOAD=… in front of the command, which `env` or a subshell may stand before.
show() {
    if [[ -n $PRELOAD ]]; then
        LD_PRELOAD=$PRELOAD "$TESTS/show-start" "$@"
    else
        "$TESTS/show-start" "$@"
    fi
}

@test "everything that a process inherits is the same" {
    show_both show one two
}

@test "exactly one variable is added, behind all others" {
    env -i A=1 LD_PRELOAD="$LIBRARY" B="two words" C= "$TESTS/show-start" | grep ^variable >seen
    equal "$(sed 's/=.*//' seen | paste -sd' ')" \
        "variable A variable LD_PRELOAD variable B variable C variable TFPRELOAD_SESSION"
    grep -qxF "variable LD_PRELOAD=$LIBRARY" seen
    grep -qxF "variable B=two words" seen
}

@test "tfhelper's own settings stay in the environment" {
    TFPRELOAD_LOG=info LD_PRELOAD=$LIBRARY "$TESTS/show-start" >seen
    grep -qx 'variable TFPRELOAD_LOG=info' seen
    equal "$(grep -v TFPRELOAD_TEST seen | grep -c 'variable TFPRELOAD')" 2 "variables of ours"
}

elsewhere() {
    mkdir -p "a directory"
    (cd "a directory" && show)
}

@test "working directory" {
    show_both elsewhere
}

with_umask() {
    (umask 0137 && show)
}

@test "umask" {
    show_both with_umask
}

with_limits() {
    (
        ulimit -Sn 200
        ulimit -Hn 300
        ulimit -c 0
        ulimit -Ss 4096
        ulimit -f 100000
        show
    )
}

@test "limits" {
    show_both with_limits
}

with_priority() {
    (
        renice -n 5 -p "$BASHPID" >/dev/null
        show
    )
}

@test "priority" {
    show_both with_priority
}

with_mask() {
    # not URG: that one is never blocked in a session, and only the program is told otherwise
    env --block-signal=USR1,HUP,CHLD,TERM LD_PRELOAD="$PRELOAD" "$TESTS/show-start"
}

@test "signals that are blocked" {
    show_both with_mask
    grep -q '^signal 10 default flags 0 blocked' shimmed
}

with_dispositions() {
    (
        trap '' CHLD HUP PIPE USR2 URG TERM
        show
    )
}

@test "signals that are ignored, SIGCHLD and SIGHUP among them" {
    show_both with_dispositions
    grep -q '^signal 1 ignored' shimmed
    grep -q '^signal 17 ignored' shimmed
}

with_descriptors() {
    show 7</dev/null 9>>"$BATS_TEST_TMPDIR/appended" 8<&0
}

@test "descriptors that were open" {
    show_both with_descriptors
    grep -q '^descriptor 9 ' shimmed
}

without_stdin() {
    show <&-
}

@test "a closed stdin" {
    show_both without_stdin
}

without_stderr() {
    show 2>&-
}

@test "a closed stderr" {
    show_both without_stderr
}

without_streams() {
    show "$@" <&- 2>&-
}

@test "closed stdin and stderr" {
    show_both without_streams
}

with_nohup() {
    PRELOAD_HERE=$PRELOAD
    if [[ -n $PRELOAD_HERE ]]; then
        LD_PRELOAD=$PRELOAD_HERE nohup "$TESTS/show-start"
    else
        nohup "$TESTS/show-start"
    fi
}

@test "nohup: SIGHUP is ignored" {
    show_both with_nohup
    grep -q '^signal 1 ignored' shimmed
}

@test "nohup: SIGHUP upgrades" {
    set_version v1
    LD_PRELOAD=$LIBRARY start nohup "$TESTS/epoll-level" --port "$PORT" --version-file version
    wait_ready 1
    upgrade v2
    kill -HUP "$(first_pid 2)"
    wait_ready 3
    wait_retired 2
    serves_version "$PORT" v2
}

@test "a SIGHUP that is ignored before the start upgrades, too" {
    (
        trap '' HUP
        LD_PRELOAD=$LIBRARY start "$TESTS/epoll-level" --port "$PORT"
        echo "$PID" >pid
    )
    PID=$(<pid)
    STARTED+=("$PID")
    wait_ready 1
    upgrade
    wait_generation_gone 1
}

@test "what a later generation is started with is the same" {
    cat >server <<END
#!/bin/sh
"$TESTS/show-start" | grep -v '^variable TFPRELOAD_SESSION=' | grep -v ^descriptor >>shown
echo "end of start" >>shown
exec "$TESTS/epoll-level" --port $PORT
END
    chmod +x server
    (
        umask 0137
        trap '' USR2
        ulimit -Sn 200
        start_with_library ./server
        echo "$PID" >pid
    )
    PID=$(<pid)
    STARTED+=("$PID")
    wait_ready 1
    upgrade
    upgrade
    csplit -sz shown '/^end of start$/1' '{1}'
    diff xx00 xx01
    diff xx00 xx02
}

# ---- how it ends ----

@test "the exit status, and the same signal" {
    cat >compare.py <<'END'
import os, resource, subprocess, sys

library, helper = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
ends = [f"exit {n}" for n in (0, 1, 2, 3, 126, 127, 128, 255)]
ends += [f"kill -{n} $$" for n in (1, 2, 3, 4, 6, 8, 9, 10, 11, 12, 13, 14, 15, 24, 31, 34, 64)]
different = 0
for end in ends:
    command = ["sh", "-c", end]
    plain = subprocess.run(command).returncode
    shimmed = subprocess.run(command, env={**os.environ, "LD_PRELOAD": library}).returncode
    direct = subprocess.run([helper, "--"] + command).returncode
    if not plain == shimmed == direct:
        print(f"{end}: {plain} without, {shimmed} with the library, {direct} with tfhelper")
        different += 1
sys.exit(different > 0)
END
    python3 compare.py "$LIBRARY" "$HELPER"
}

@test "the exit status of the current generation, after an upgrade" {
    serve epoll-level --term-status 0
    set_options --term-status 9
    upgrade
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 9 "exit status"
}

@test "a program that is no server: its output, and nothing of ours" {
    LD_PRELOAD=$LIBRARY sh -c 'echo out; echo err >&2; cat' <<<"in" >out-1 2>err-1
    equal "$(<out-1)" "$(printf 'out\nin')"
    equal "$(<err-1)" err
}

@test "pipes end when the server ends" {
    equal "$(LD_PRELOAD=$LIBRARY sh -c 'echo x' | cat)" x
    equal "$(echo y | LD_PRELOAD=$LIBRARY cat)" y
}

# ---- descriptors ----

@test "no descriptor of ours is in the server, with an adopted listener or without" {
    local name pid plain

    for name in "${SERVERS[@]}"; do
        PORT=$(free_port)
        # shellcheck disable=SC2034 # for the helpers
        LOG=$BATS_TEST_TMPDIR/log-$name
        start "$TESTS/$name" --port "$PORT"
        wait_until ask "$PORT"
        wait_until -t 5 settled "$PID"
        plain=$(descriptors "$PID")
        kill -TERM "$PID"
        wait_end
        set_version v1
        serve "$name"
        equal "$(ask "$PORT" | cut -d' ' -f1)" v1
        wait_until has_descriptors "$(first_pid 1)" "$plain"
        upgrade v2
        equal "$(ask "$PORT" | cut -d' ' -f1)" v2
        wait_until has_descriptors "$(first_pid 2)" "$plain"
        for pid in $(children "$(first_pid 2)"); do
            readlink "/proc/$pid/fd"/* >links || true # a worker may end meanwhile
            has_no_log 'signalfd|timerfd|tfpreload' links
        done
        kill -TERM "$PID"
        wait_end
    done
}

# The client that asked is no longer among its descriptors.
settled() {
    ! ss -Htnp "sport = :$PORT" state established | grep -q .
}

has_descriptors() {
    equal "$(descriptors "$1")" "$2" "descriptors of $1"
}

@test "an old generation that has retired has the same descriptors" {
    local before

    serve poll
    keep "$PORT"
    ask_kept >/dev/null
    before=$(descriptors "$(first_pid 1)")
    upgrade
    wait_until has_descriptors "$(first_pid 1)" "$before"
}

@test "none of the server's descriptors is in the helper after an upgrade" {
    local before second inode

    second=$(free_port)
    serve epoll-level --listen "[::1]:$second"
    before=$(steady_descriptors "$PID")
    upgrade
    wait_generation_gone 1
    wait_until has_descriptors "$PID" "$before"
    for inode in $(sockets "$(first_pid 2)"); do
        ! sockets "$PID" | grep -qx "$inode" || fail "socket $inode is in the helper"
    done
    # two more listeners that are not taken over, and a failure
    set_options --listen "127.0.0.1:$(free_port)" --listen "127.0.0.1:$(free_port)"
    upgrade
    set_options
    upgrade
    wait_generation_gone 3
    set_options --exit-after-listen 1
    upgrade_fails 'exited with status 1'
    wait_until has_descriptors "$PID" "$before"
}

@test "the helper has what the user opened, and what it waits on" {
    local plain

    start sleep 1000
    plain=$(steady_descriptors "$PID" | cut -d' ' -f2)
    serve epoll-level
    equal "$(steady_descriptors "$PID" | cut -d' ' -f2 | sort)" \
        "$(printf '%s\n' "$plain" anon_inode anon_inode anon_inode socket | sort)"
}

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
    serve epoll-level --service-time 2
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

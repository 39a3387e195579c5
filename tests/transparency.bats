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
        "$(printf '%s\n' "$plain" anon_inode anon_inode anon_inode socket socket | sort)"
}

#!/usr/bin/env bats
# Servers that go to the background, and servers that drop their privileges.

load helpers

# start_daemon SERVER...: as an init script does; the command's end is awaited
start_daemon() {
    set_version v1
    start_with_library "$TESTS/daemonize" "$PWD/pid" "$@" --version-file "$PWD/version"
    wait_end
    equal "$STATUS" 0 "status of the command"
    wait_ready 1
    PID=$(cat pid)
    STARTED+=("$PID")
}

daemon_is_version() {
    [[ $(ask "$PORT") == "$1 "* ]]
}

@test "a daemon: the command returns, and SIGHUP to the daemon's own pid upgrades" {
    start_daemon "$TESTS/epoll-level" --port "$PORT"
    has_log "has gone to the background, and the helper with it"
    start_load "$PORT" --clients 8 --kept 4 --kept-life 1
    local i
    for i in 2 3 4; do
        PID=$(cat pid)
        upgrade "v$i"
        STARTED+=("$(cat pid)")
    done
    stop_load
    serves_version "$PORT" v4
}

@test "a daemon: its end by its own pid ends the helper too" {
    start_daemon "$TESTS/poll" --port "$PORT"
    upgrade v2
    kill -TERM "$(cat pid)"
    wait_until none_marked
}

@test "a daemon: processes that may not be looked into do not hold up the helper" {
    local drop=-sys_ptrace,-sys_admin,-cap_38 i # 38, CAP_PERFMON, may read as well by now

    requires root setpriv
    set_version v1
    start setpriv --bounding-set="$drop" --inh-caps="$drop" "$HELPER" -- \
        "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_end
    wait_ready 1
    for i in {1..50}; do
        setpriv --reuid 65534 --clear-groups env -u TFP_TEST_ID sleep 60 3>&- &
        STARTED+=("$!")
    done
    kill -TERM "$(<pid)"
    wait_until -t 3 none_marked
}

@test "a daemon: a syslog that is not read does not hold up the helper, and is written to" {
    local reader

    requires root unshare python3
    python3 -c 'import os, socket, time
syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
syslog.bind("syslog")
while not os.path.exists("go"):
    time.sleep(0.02)
while True:
    print(syslog.recv(4096, socket.MSG_DONTWAIT).decode(), flush=True)' >messages 2>/dev/null 3>&- &
    reader=$!
    STARTED+=("$reader")
    wait_until test -S syslog
    set_version v1
    # a log in a file would be kept
    # shellcheck disable=SC2016 # for the shell in there
    start unshare --mount sh -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 &&
        ln -s "$0/syslog" /dev/log && export TFPRELOAD_LOG=debug LD_PRELOAD="$1" && shift &&
        exec "$@" 2>/dev/null' "$PWD" "$LIBRARY" "$TESTS/daemonize" "$PWD/pid" \
        "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_until daemon_is_version v1
    PID=$(<pid)
    STARTED+=("$PID")
    set_version v2
    kill -HUP "$PID"
    wait_until daemon_is_version v2
    STARTED+=("$(<pid)")
    touch go
    wait_gone "$reader"
    has_log '^<3[01]>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} tfpreload\[[0-9]+\]: generation 1: ' messages
}

@test "a daemon: whoever reads the command's output sees its end" {
    set_version v1
    LD_PRELOAD=$LIBRARY timeout 20 "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version" 2>&1 </dev/null 3>&- | cat >all
    wait_until daemon_is_version v1
    STARTED+=("$(cat pid)")
}

# shellcheck disable=SC2016 # for the shell in there
@test "a daemon that is started with standard streams closed" {
    set_version v1
    start sh -c 'exec "$@" <&- >&-' sh "$HELPER" -- \
        "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_end
    wait_ready 1
    PID=$(cat pid)
    STARTED+=("$PID")
    upgrade v2
    has_no_log 'cannot'
    "$HELPER" stop --timeout "$PATIENCE" "$(cat pid)"
}

# shellcheck disable=SC2016 # for the shells in there
@test "a server finds those standard streams closed that it would without the helper" {
    start sh -c 'exec "$@" <&- >&-' sh "$HELPER" -- \
        sh -c 'for i in 0 1 2; do [ ! -e /proc/$$/fd/$i ] || echo "$i is open" >&2; done'
    wait_end
    equal "$(cat "$LOG")" "2 is open"
}

@test "a daemon: each generation finds the first one's directory" {
    mkdir -p elsewhere
    set_version v1
    start_with_library "$TESTS/daemonize" pid "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_end
    wait_ready 1
    PID=$(cat pid)
    STARTED+=("$PID")
    rm pid
    upgrade v2
    [[ -s pid ]] || fail "the second generation wrote its relative pidfile elsewhere"
    STARTED+=("$(cat pid)")
}

@test "a daemon: a failed upgrade leaves it serving" {
    set_options
    start_daemon "$TESTS/poll" --port "$PORT" --options-file "$PWD/options"
    set_options --exit 3
    kill -HUP "$PID"
    wait_for_log "generation 2: upgrade failed: process [0-9]+, in the background, exited with status 3"
    serves_version "$PORT" v1
    set_options
    upgrade v2
    STARTED+=("$(cat pid)")
    serves_version "$PORT" v2
}

# shellcheck disable=SC2016 # for the script
@test "a daemon that fails: its last process says how, though it ends while the helper looks who is left" {
    local its_helper

    requires strace jq
    printf '#!/bin/sh\n[ ! -e "%s" ] || { sleep 0.5; exit 3; }\nexec "%s" "$@"\n' "$PWD/bad" \
        "$TESTS/poll" >server
    chmod +x server
    start_daemon "$PWD/server" --port "$PORT"
    its_helper=$("$HELPER" status --json "$PID" | jq .pid)
    touch bad
    # two processes end before it does, and each wait of the helper's takes a fifth of a second
    strace -qq -e trace=wait4 -e inject=wait4:delay_exit=200000 -o trace -p "$its_helper" 3>&- &
    STARTED+=($!)
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$its_helper/status"
    kill -HUP "$PID"
    wait_for_log "generation 2: upgrade failed: process [0-9]+, in the background, exited with status 3"
}

@test "a daemon that has written over its environment" {
    requires jq
    start_with_library "$TESTS/odd" --untitled --port "$PORT"
    wait_end
    wait_ready 1
    # shellcheck disable=SC2046 # a word a pid
    PID=$(without_guard $(marked) | cut -d' ' -f1)
    # by its own pid, which is what its pid file would have: nothing there shows the helper
    "$HELPER" upgrade "$("$HELPER" status --json "$PID" | jq '.generations[0].processes[0].pid')"
    upgrade
    kill -TERM "$PID"
    wait_until none_marked
}

# Removes its pid file when it ends, as most daemons do.
@test "a pid file that names the next generation is not removed by the old one" {
    cat >run <<END
#!/bin/sh
"$TESTS/poll" --port $PORT --version-file "$PWD/version" &
trap "kill \$!; rm $PWD/pid $PWD/other" TERM
echo \$! >$PWD/pid
echo 1 >$PWD/other
while kill -0 \$! 2>/dev/null; do
    wait \$!
done
END
    chmod +x run
    set_version v1
    start_server ./run
    upgrade v2
    wait_generation_gone 1
    [[ ! -e other ]] || fail "a file that has another number was not removed"
    kill -HUP "$(cat pid)"
    wait_ready 3
    kill -TERM "$PID"
    wait_end
    [[ ! -e pid ]] || fail "the last generation's pid file was not removed"
}

# jailed SERVER: root binds, then chroot without /proc and another uid
jailed() {
    requires root
    mkdir jail
    chmod 755 . jail
    serve "$1" --chroot "$PWD/jail" --user 65534
    start_load "$PORT" --clients 8
    upgrade v2
    kill -HUP "$(first_pid 2)" # from the unprivileged process, through the helper
    wait_ready 3
    wait_retired 2
    stop_load
}

@test "privileges: chroot and another uid, epoll" {
    jailed epoll-level
}

@test "privileges: chroot and another uid, threads in accept" {
    jailed thread
}

@test "privileges: chroot and another uid, workers" {
    jailed prefork
}

@test "privileges: chroot and another uid, fork for each client" {
    jailed fork
}

@test "privileges: kill -9 of the helper takes a process along that has changed its uid" {
    requires root
    serve poll --user 65534
    local server
    server=$(first_pid 1)
    kill -KILL "$PID"
    wait_gone "$server"
}

# without_privileges COMMAND...: as nobody, from the start, with a copy of all that is needed
without_privileges() {
    requires root setpriv
    mkdir nobody
    cp -r "$LIBRARY" "$HELPER" "$TESTS" nobody/
    chmod o+x "$BATS_RUN_TMPDIR" .. . nobody
    chown 65534 nobody
    (cd nobody && set_version v1)
    start setpriv --reuid 65534 --regid 65534 --clear-groups nobody/tfhelper \
        "$@" --version-file "$PWD/nobody/version"
    wait_ready 1
}

upgrade_nobody() {
    (cd nobody && set_version "$1")
    upgrade
}

@test "privileges: none at all, threads in accept" {
    without_privileges nobody/tests/thread --port "$PORT"
    start_load "$PORT" --clients 8 --kept 4 --kept-life 1
    upgrade_nobody v2
    upgrade_nobody v3
    stop_load
    serves_version "$PORT" v3
}

@test "privileges: none at all, epoll, and a listener that is given up" {
    local other
    other=$(free_port)
    echo "--listen 127.0.0.1:$other" >options
    without_privileges nobody/tests/epoll-level --port "$PORT" --options-file "$PWD/options"
    serves_version "$other" v1
    set_options
    start_load "$PORT" --clients 8
    upgrade_nobody v2
    stop_load
    serves_version "$PORT" v2
    refuses "$other"
}

#!/usr/bin/env bats
#
# Who has nothing to do with a service: another local user, and a network client. What they cannot
# ask, tell, learn or reach. Each is the user nobody, below root's service or another user's.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load messages

setup() {
    prepare
    requires root setpriv
    chmod 755 .
    export TFPRELOAD_LOG=debug
}

as_nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# ---- another local user ----

# serve_as_user UID: the service of that user
serve_as_user() {
    local user=$1

    set_version v1
    chmod 777 .
    start setpriv --reuid="$user" --regid="$user" --clear-groups env LD_PRELOAD="$LIBRARY" \
        "$TESTS/poll" --port "$PORT" --version-file version
    wait_ready 1
}

session_part() {
    tr '\0' '\n' <"/proc/$(first_pid 1)/environ" | sed -n 's/^TFPRELOAD_SESSION=//p' | cut -d/ -f"$1"
}

# Every command says one line, and the same as of a process that has nothing to do with us.
says_nothing() {
    local command pid

    for command in status 'status --json' 'status --metrics' upgrade stop wait commit rollback 'signal USR1'; do
        for pid in "$PID" "$(first_pid 1)" $$; do
            # shellcheck disable=SC2086 # words of a command
            run --separate-stderr as_nobody timeout 20 "$HELPER" $command "$pid"
            equal "$status" 3 "status of $command"
            equal "$output" "" "stdout of $command"
            equal "$stderr" "tfhelper: process $pid does not belong to a service of tfpreload that you may control; start it with tfhelper or LD_PRELOAD, and ask as its user or root" "stderr of $command"
        done
    done
    run --separate-stderr as_nobody timeout 20 "$HELPER" status
    equal "$output" "" "the list of services"
    equal "$stderr" "tfhelper: no service that you may control runs here"
}

is_unharmed() {
    has_no_log 'generation 2|told to end'
    upgrade v2
    serves_version "$PORT" v2
}

@test "another user's commands get one line, of root's service" {
    serve_as_user 0
    says_nothing
    is_unharmed
}

@test "another user's commands get one line, of a service of a user's" {
    serve_as_user 1234
    says_nothing
    is_unharmed
}

@test "another user's commands that know session and secret get one line" {
    local session

    serve_as_user 0
    session=$(tr '\0' '\n' <"/proc/$(first_pid 1)/environ" | sed -n 's/^TFPRELOAD_SESSION=//p')
    start setpriv --reuid=65534 --regid=65534 --clear-groups env TFPRELOAD_SESSION="$session" sleep 600
    wait_until grep -q "${session##*/}" "/proc/$PID/environ"
    run --separate-stderr as_nobody timeout 20 "$HELPER" status "$PID"
    equal "$status" 3
    equal "$output" ""
    PID=${STARTED[0]}
    is_unharmed
}

@test "whatever another user asks the control socket, with the right secret, is not answered" {
    know_messages
    serve_as_user 0
    "$PROGRAMS/peer.py" "$(first_pid 1)" every >answers # root is answered
    [[ $(<answers) =~ ^[1-9][0-9]*\ of ]] || fail "root: $(<answers)"
    is_unharmed
    serve_as_user_again
    equal "$("$PROGRAMS/peer.py" "$(first_pid 1)" every-stranger)" "0 of 256 answered"
    is_unharmed
}

# serve_as_user_again: another one, since root's questions were demands, too
serve_as_user_again() {
    kill -TERM "$PID"
    wait_end
    : >"$LOG"
    serve_as_user 0
}

@test "another user's notices are not heard, and not answered" {
    export NOTIFY_SOCKET=$PWD/notify TFPRELOAD_READY=notify
    python3 "$PROGRAMS/manager.py" "$NOTIFY_SOCKET" >told 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    wait_for_log listening told
    touch go
    set_version v1
    start_with_library python3 "$PROGRAMS/speaker.py" "$PORT" go
    wait_ready 1
    cat >notifier <<'END'
import select, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.bind("")
    for text in ("READY=1", "STATUS=stolen", "STOPPING=1", "WATCHDOG=trigger", "MAINPID=1", "X" * 4096, ""):
        sender.sendto(text.encode(), "\0" + sys.argv[1][1:])
    print("answered" if select.select([sender], [], [], 0.5)[0] else "silent")
END
    equal "$(as_nobody /usr/bin/python3 -c "$(<notifier)" "$(notify_socket "$(first_pid 1)")")" silent
    wait_for_log 'notices: process [0-9]+ of uid 65534 is refused'
    has_no_log 'stolen|trigger|MAINPID=1$|STOPPING' told
    "$HELPER" status "$PID" >shown
    has_no_log stolen shown
}

notify_socket() {
    tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^NOTIFY_SOCKET=//p'
}

# learns_nothing: what nobody may read anywhere in /proc and in the test's own directory
learns_nothing() {
    session_part 8 >secret
    [[ $(<secret) =~ ^[0-9a-f]{32}$ ]]
    chmod 600 secret log # which is the operator's
    as_nobody grep -saFl -f - /proc/net/unix /proc/[0-9]*/{cmdline,comm,environ,status,maps,auxv} \
        ./* <secret >found || true
    equal "$(<found)" "" "files with the secret that nobody may read"
}

# may_not_look PID: not even by way of the helper's processes
may_not_look() {
    local file

    for file in environ auxv maps mem syscall io; do
        refute as_nobody sh -c "exec cat /proc/$1/$file >/dev/null 2>&1" # as the kernel has it
    done
    refute as_nobody sh -c "ls /proc/$1/fd >/dev/null 2>&1"
    refute as_nobody sh -c "ls /proc/$1/root/ >/dev/null 2>&1"
}

@test "another user learns nothing of the helper's processes, and the secret is nowhere" {
    local process

    printf '#!/bin/sh\n[ ! -e %s ] || exec sleep 600\n' "$PWD/stay" >hook
    touch stay
    chmod 755 hook
    export TFPRELOAD_HOOK=$PWD/hook TFPRELOAD_PIDFILE=$PWD/pid
    serve_as_user 0
    wait_until test -s pid
    equal "$(<pid)" "$PID"
    wait_until has_more_children
    for process in "$PID" $(children "$PID"); do
        may_not_look "$process"
    done
    learns_nothing
    rm stay
    for process in $(children "$PID"); do # the hook
        [[ $process == "$(first_pid 1)" ]] || kill -KILL "$process"
    done
}

has_more_children() {
    (($(children "$PID" | wc -w) > 1))
}

# ---- a network client ----

# reaches_nothing OLD NEW COUNT: so many sockets each, of which the old one's are out of reach
reaches_nothing() {
    kill -STOP "$1" "$2"
    "$PROGRAMS/reach.py" "$2" >new
    "$PROGRAMS/reach.py" "$1" >old
    kill -CONT "$1" "$2"
    equal "$(grep -c ' reached$' new || true)" "$3" "sockets of the new one that are reached"
    has_no_log 'not reached' new
    equal "$(grep -c ' not reached$' old || true)" "$3" "sockets of the old one that are not reached"
    has_no_log '[^t] reached' old
}

# all_kinds_of_listeners SERVER OPTION...: one of each kind of address, and an upgrade
all_kinds_of_listeners() {
    local server=$1

    shift
    export TFPRELOAD_BAKE=600 # the old one stays
    set_version v1
    start "$HELPER" "$@" -- "$TESTS/$server" --listen "127.0.0.1:$PORT" --listen "[::1]:$PORT" \
        --unix socket --version-file "$PWD/version"
    wait_ready 1
    chmod 777 socket
    upgrade v2
    reaches_nothing "$(first_pid 1)" "$(first_pid 2)" 3
}

@test "a client does not reach what is in the place of retired listeners: epoll" {
    all_kinds_of_listeners epoll-level
}

@test "a client does not reach what is in the place of retired listeners: accept()" {
    all_kinds_of_listeners thread
}

@test "a client does not reach what is in the place of retired listeners: a blocking poll()" {
    all_kinds_of_listeners poll
}

@test "a client does not reach what is in the place of retired listeners: epoll, watched from outside" {
    all_kinds_of_listeners epoll-level --way trace
}

@test "a client does not reach what is in the place of retired listeners: accept(), watched from outside" {
    all_kinds_of_listeners thread --way trace
}

@test "a client does not reach what is in the place of retired listeners: poll(), watched from outside" {
    all_kinds_of_listeners poll --way trace
}

# one_listener OPTION -- SERVER...
one_listener() {
    export TFPRELOAD_BAKE=600
    set_version v1
    start "$HELPER" "$@"
    wait_ready 1
    upgrade v2
    reaches_nothing "$(first_pid 1)" "$(first_pid 2)" 1
}

@test "a client does not reach what is in the place of a retired abstract unix listener" {
    one_listener -- "$TESTS/epoll-level" --unix "@$TFP_TEST_ID" --version-file "$PWD/version"
}

@test "a client does not reach what is in the place of a retired abstract unix listener, watched from outside" {
    one_listener --way trace -- "$TESTS/epoll-level" --unix "@$TFP_TEST_ID" --version-file "$PWD/version"
}

@test "a client does not reach what is in the place of a retired UDP socket, IPv4" {
    one_listener -- "$TESTS/udp-server" -4 -p "$PORT" "$PWD/version"
}

@test "a client does not reach what is in the place of a retired UDP socket, IPv6" {
    one_listener -- "$TESTS/udp-server" -6 -p "$PORT" "$PWD/version"
}

@test "a client does not reach what is in the place of a retired UDP socket, watched from outside" {
    one_listener --way trace -- "$TESTS/udp-server" -4 -p "$PORT" "$PWD/version"
}

@test "a client does not reach what is in the place of a retired unix datagram socket" {
    umask 000
    one_listener -- "$TESTS/udp-server" -p @socket "$PWD/version"
}

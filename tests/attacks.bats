#!/usr/bin/env bats
#
# What SECURITY.md says that somebody may not do, each as it was done once. The attacker is the
# user nobody: in a process of the session, or a stranger.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load messages

setup() {
    prepare
    requires root setpriv
    chmod 755 .
    umask 022
}

as_nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# ---- the operator's files ----

# give_directory: `theirs`, where nobody may do what he likes
give_directory() {
    mkdir theirs
    chown 65534:65534 theirs
}

variable_of() { # GENERATION NAME
    tr '\0' '\n' <"/proc/$(first_pid "$1")/environ" | sed -n "s/^$2=//p"
}

@test "a file of variables that its directory's owner replaces by a FIFO does not hold the helper up" {
    give_directory
    as_nobody sh -c 'echo A=1 >theirs/env'
    export TFPRELOAD_ENV_FILE=$PWD/theirs/env
    serve poll
    equal "$(variable_of 1 A)" 1
    as_nobody sh -c 'rm theirs/env && mkfifo theirs/env'
    upgrade_fails "theirs/env: is no regular file"
    serves_version "$PORT" v1
    kill -TERM "$PID"
    wait_end
}

@test "a pidfile that its directory's owner replaces by a FIFO does not hold the helper up" {
    give_directory
    export TFPRELOAD_PIDFILE=$PWD/theirs/pid
    serve poll
    wait_until test -s theirs/pid
    as_nobody sh -c 'rm -f theirs/pid && mkfifo theirs/pid'
    kill -TERM "$PID"
    wait_end
    test -p theirs/pid # it is not ours
}

@test "a pidfile that is a FIFO does not hold a command up" {
    local command

    give_directory
    as_nobody mkfifo theirs/pid
    for command in status upgrade stop wait; do
        run --separate-stderr timeout 10 "$HELPER" "$command" theirs/pid
        equal "$status" 2 "status of $command"
        [[ $stderr == *"theirs/pid: is no regular file"* ]] || fail "$stderr"
    done
}

@test "a link that another user has put there does not show the server what is root's" {
    give_directory
    as_nobody sh -c 'echo A=1 >theirs/env'
    echo SECRET=root >secret
    chmod 600 secret
    export TFPRELOAD_ENV_FILE=$PWD/theirs/env
    serve poll
    as_nobody ln -sf "$PWD/secret" theirs/env
    upgrade_fails "user 65534 has put a link to another user's file in its way"
    # the directory may be the link as well
    mkdir hidden
    cp secret hidden/env
    as_nobody sh -c 'rm theirs/env; mkdir theirs/deep; echo A=2 >theirs/deep/env; ln -s deep/env theirs/env'
    upgrade
    equal "$(variable_of "$(current_generation)" A)" 2 # his own file: he may as well write it
    as_nobody sh -c "rm -r theirs/deep; ln -s '$PWD/hidden' theirs/deep"
    upgrade_fails "user 65534 has put a link to another user's file in its way"
    has_no_log 'SECRET'
}

@test "a link of the operator's own is followed" {
    mkdir real
    echo A=1 >real/env
    ln -s real current
    ln -s "$PWD/current/env" env
    export TFPRELOAD_ENV_FILE=$PWD/env TFPRELOAD_PIDFILE=$PWD/current/pid
    serve poll
    equal "$(variable_of 1 A)" 1
    wait_until test -s real/pid
    kill -TERM "$PID"
    wait_end
    refute test -e real/pid
}

@test "a pidfile is not written where another user's link leads to" {
    give_directory
    mkdir theirs/run target
    chown 65534:65534 theirs/run
    echo precious >target/pid
    export TFPRELOAD_PIDFILE=$PWD/theirs/run/pid
    as_nobody sh -c "rmdir theirs/run; ln -s '$PWD/target' theirs/run"
    serve poll
    wait_for_log 'cannot write the pidfile .*: user 65534 has put a link'
    equal "$(cat target/pid)" precious
}

@test "files that another user may write are named, one line each, and no others" {
    give_directory
    printf '#!/bin/sh\n' >hook
    chmod 777 hook
    as_nobody sh -c 'echo A=1 >theirs/env'
    export TFPRELOAD_ENV_FILE=$PWD/theirs/env TFPRELOAD_HOOK=$PWD/hook TFPRELOAD_PIDFILE=$PWD/pid
    serve poll
    has_log "^tfpreload: the hook $PWD/hook is trusted, and every user may write it$"
    has_log "^tfpreload: the file of variables $PWD/theirs/env is trusted, and user 65534 may write it$"
    has_no_log 'the pidfile'
    upgrade
    equal "$(count_log 'is trusted')" 2
    run --separate-stderr "$HELPER" status "$PWD/pid"
    equal "$stderr" ""
    as_nobody sh -c "echo $PID >theirs/pid"
    run --separate-stderr "$HELPER" status theirs/pid
    equal "$status" 0
    equal "$stderr" "tfhelper: theirs/pid: user 65534 may write this pidfile, and so choose the process"
}

# ---- who answers ----

# Of every run its own: the names of such sockets are the machine's.
NAME=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
readonly NAME

# impersonate [COMMAND...]: nobody takes the name of a session's socket
impersonate() {
    know_messages
    "$PROGRAMS/impostor.py" "$NAME" "$@" >asked 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    wait_for_log listening asked
}

# is_plain FILE: newlines are all that a terminal would obey in there
is_plain() {
    test -s "$1" || fail "$1 is empty"
    refute env LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$1"
    python3 -c 'open(__import__("sys").argv[1], encoding="utf-8").read()' "$1"
}

@test "the library does not take what somebody offers under the name of a helper that has gone" {
    impersonate
    TFPRELOAD_SESSION=3/$NAME/7/999999/1/999999/0/$NAME start_with_library "$TESTS/epoll-level" --port "$PORT"
    wait_until ask "$PORT"
    equal "$(ask "$PORT")" "1 $PID token"
    has_no_log asked asked
}

@test "an environment that names somebody's socket does not lead a command there" {
    local command

    impersonate
    start setpriv --reuid=65534 --clear-groups env "TFPRELOAD_SESSION=3/$NAME/1/9/1/9/0/$NAME" sleep 600
    wait_until grep -q "$NAME" "/proc/$PID/environ"
    for command in status upgrade stop wait; do
        run --separate-stderr timeout 20 "$HELPER" "$command" "$PID"
        equal "$status" 3 "status of $command"
        [[ $stderr == *"process $PID does not belong to a service"* ]] || fail "$stderr"
    done
    has_no_log asked asked
}

@test "a process of the service that names somebody's socket still leads to the helper" {
    impersonate
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c 'setpriv --reuid=65534 --clear-groups env -u LD_PRELOAD \
        TFPRELOAD_SESSION=3/'"$NAME"'/1/9/1/9/0/'"$NAME"' sleep 600 & echo $! >cgi; exec "$@"' sh \
        "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    STARTED+=("$(cat cgi)")
    wait_until grep -q "$NAME" "/proc/$(cat cgi)/environ"
    run --separate-stderr timeout 20 "$HELPER" status "$(cat cgi)"
    equal "$status" 0
    [[ $output == "service $PID: "* ]] || fail "$output"
    has_no_log asked asked
}

@test "nothing that somebody's helper says reaches the terminal raw" {
    local option child

    impersonate sleep 600
    child=$(children "${STARTED[0]}")
    STARTED+=("${child% }")
    wait_until grep -qz sleep "/proc/${child% }/cmdline"
    "$HELPER" status "${child% }" >answer 2>errors
    has_log owned answer
    is_plain answer
    for option in --json --metrics; do
        "$HELPER" status $option "${child% }" >answer 2>errors
        has_log owned answer
        is_plain answer
    done
    python3 -m json.tool <<<"$("$HELPER" status --json "${child% }")" >/dev/null
    run -1 "$HELPER" upgrade "${child% }"
    echo "$output" >answer
    has_log owned answer
    is_plain answer
}

@test "a socket that takes its time to close, of somebody's helper, does not hold a command up" {
    local child

    LINGERING=1 impersonate sleep 600
    child=$(children "${STARTED[0]}")
    STARTED+=("${child% }")
    wait_until grep -qz sleep "/proc/${child% }/cmdline"
    run -3 --separate-stderr timeout 15 "$HELPER" status "${child% }"
    has_log asked asked
    run --separate-stderr timeout 15 "$HELPER" status # of all services
    ((status < 100)) || fail "status $status"
}

@test "somebody's helper that lets nobody in does not hold a command up" {
    local child

    CLOSED=1 impersonate sleep 600
    child=$(children "${STARTED[0]}")
    STARTED+=("${child% }")
    wait_until grep -qz sleep "/proc/${child% }/cmdline"
    run -3 --separate-stderr timeout 40 "$HELPER" status "${child% }"
    run --separate-stderr timeout 40 "$HELPER" status # of all services
    ((status < 100)) || fail "status $status"
}

@test "nothing that a server or its files choose reaches log and hook raw" {
    local odd=$'odd\033]0;owned\007\n\u009b31m'

    cat >hook <<'END'
#!/bin/sh
env -0 | sed -zn 's/^TFPRELOAD_REASON=//p' | tr -d '\0' >>reasons
END
    chmod 755 hook
    export TFPRELOAD_HOOK=$PWD/hook
    cp "$TESTS/poll" "./$odd"
    start_server "./$odd" --port "$PORT" --version v1
    rm "./$odd"
    upgrade_fails 'cannot execute ./odd.\]0;owned'
    is_plain "$LOG"
    wait_until test -s reasons
    is_plain reasons
    cp "$TESTS/poll" "./$odd"
    upgrade
    printf 'echo "%s" >&2; exit 1\n' "$odd" >script
    rm "./$odd"
    printf '#!/bin/sh\nprintf "\\033]0;owned\\007" >&2; exit 1\n' >"./$odd"
    chmod 755 "./$odd"
    run -1 "$HELPER" upgrade "$PID"
    echo "$output" >answer
    has_log 'written to stderr meanwhile' answer
    is_plain answer
}

# ---- with the helper's authority ----

@test "a worker does not get a socket of a family that it could not open itself" {
    know_messages
    set_version v1
    chmod 777 .
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ -e rogue ] || env -u LD_PRELOAD "$0" $$ packet >rogue & exec "$@"' \
        "$PROGRAMS/rogue.py" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_for_log obeys rogue
    keep "$PORT"
    upgrade v2
    touch go
    wait_for_log 'AF_|none' rogue
    has_no_log AF_PACKET rogue
}

@test "a worker's own listener does not take the place of the service's" {
    know_messages
    set_version v1
    # the rogue has the lower pid, as after a wrap
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ -e rogue ] || env -u LD_PRELOAD "$0" $$ stolen "$1" >rogue & shift; "$@"; exit' \
        "$PROGRAMS/rogue.py" "$PORT" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_for_log obeys rogue
    upgrade v2
    serves_version "$PORT" v2
    "$HELPER" stop "$PID"
}

@test "a worker's own listener is not handed to a new version that binds its address" {
    local port

    know_messages
    port=$(free_port)
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ -e rogue ] || env -u LD_PRELOAD "$0" $$ squat "$1" >rogue & shift; exec "$@"' \
        "$PROGRAMS/rogue.py" "$port" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    wait_for_log obeys rogue
    set_options --listen "127.0.0.1:$port"
    upgrade_fails 'exited with status' # since bind() has failed, as it would without us
    serves_version "$PORT" v1
}

@test "a worker of the next generation is not handed what another user has bound" {
    know_messages
    export PORT
    set_version v1
    chmod 777 .
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ ! -e second ] || "$0" $$ heir >answers & exec "$@"' "$PROGRAMS/peer.py" \
        "$TESTS/epoll-level" --port "$PORT" --unix "$PWD/socket" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    chmod 600 socket
    touch second
    set_version v2
    set_options --start-when "$PWD/gate"
    kill -HUP "$PID"
    wait_until grep -Eq '^(robbed|answered|dropped)' answers
    equal "$(<answers)" answered # that there is nothing for it
    touch gate
    wait_ready 2
    serves_version "$PORT" v2
}

@test "a worker in a chroot does not get a descriptor that leads out" {
    know_messages
    mkdir jail
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c 'env -u LD_PRELOAD "$0" $$ proc >rogue & exec "$@"' \
        "$PROGRAMS/rogue.py" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_for_log 'read|nothing' rogue
    has_log '^nothing [1-9]' rogue # the texts, which it may have
}

@test "a worker that becomes a set-user-ID program is not shown what root does in there" {
    know_messages
    cp "$(command -v sleep)" sleeper
    chmod 4755 sleeper
    chmod 777 .
    setpriv --reuid=65534 --regid=65534 --clear-groups ./sleeper 600 3>&- &
    STARTED+=("$!")
    wait_until grep -q "^Name:.sleeper" "/proc/$!/status"
    grep -q '^Uid:.65534.0' "/proc/$!/status" || skip "no set-user-ID programs here"
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c 'env -u LD_PRELOAD "$0" $$ setuid >rogue & exec "$@"' \
        "$PROGRAMS/rogue.py" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_until test -s rogue
    equal "$(<rogue)" nothing
    kill "$(pgrep -P "$(first_pid 1)" sleeper)" # the service waits for all that it has left
}

@test "a worker that becomes a program with capabilities is not shown what that does" {
    requires setcap
    know_messages
    cp "$(command -v sleep)" sleeper
    setcap cap_net_raw+ep sleeper || skip "no capabilities of files here"
    chmod 777 .
    setpriv --reuid=65534 --regid=65534 --clear-groups ./sleeper 600 3>&- &
    STARTED+=("$!")
    wait_until grep -q "^Name:.sleeper" "/proc/$!/status"
    grep -q '^CapPrm:.*[1-9a-f]' "/proc/$!/status" || skip "no capabilities of files here"
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c 'env -u LD_PRELOAD "$0" $$ capable >rogue & exec "$@"' \
        "$PROGRAMS/rogue.py" "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_until test -s rogue
    equal "$(<rogue)" nothing
    kill "$(pgrep -P "$(first_pid 1)" sleeper)" # the service waits for all that it has left
}

@test "a worker does not choose what is killed when a client arrives" {
    local victim

    chmod 777 .
    cat >server.py <<'END'
import fcntl, os, signal, socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(7)
if os.path.exists("bad"):
    fcntl.fcntl(listener, fcntl.F_SETOWN, os.getpid())
    sys.exit(3)
parent = os.getpid()
if os.fork() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    fcntl.fcntl(listener, fcntl.F_SETOWN, int(sys.argv[2]))
    fcntl.fcntl(listener, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(listener, fcntl.F_SETFL, fcntl.fcntl(listener, fcntl.F_GETFL) | os.O_ASYNC)
    print("armed", flush=True)
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(0)
while True:
    client = listener.accept()[0]
    client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(99).split()[1] + b"\n"))
    client.close()
END
    sleep 600 3>&- &
    victim=$!
    STARTED+=("$victim")
    start_server python3 server.py "$PORT" "$victim"
    wait_for_log armed "$OUT"
    serves_version "$PORT" v1
    refute is_gone "$victim" # the kernel does not let nobody do that
    touch bad
    upgrade_fails 'exited with status 3'
    serves_version "$PORT" v1
    refute is_gone "$victim"
}

@test "an order that a worker forges does not make another deaf" {
    set_version v1
    start_server "$TESTS/odd" --port "$PORT" --uid 65534 --version-file "$PWD/version"
    cp "$TESTS/order" .
    as_nobody ./order "$(first_pid 1)" "$(first_pid 1)" retire
    serves_version "$PORT" v1
    upgrade
    serves_version "$PORT" v1
}

# ---- what the service manager hears ----

# notify_as_nobody: a server (speaker.py) with a child of nobody's that sends the file `notices`,
# one datagram a line, | for a newline, to the notify socket that `next` names, or else to its own
notify_as_nobody() {
    cat >notifier.py <<'END'
import os, socket, time
parent = os.getppid()
open("listens", "w").close()
os.setgroups([])
os.setuid(65534)
while not os.path.exists("send") and os.getppid() == parent:
    time.sleep(0.02)
name = "\0" + os.environ["NOTIFY_SOCKET"][1:]
if os.path.exists("next"):
    name = "\0" + open("next").read().strip()[1:]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    for line in open("notices"):
        sender.sendto(line.strip().replace("|", "\n").encode(), name)
while os.getppid() == parent:
    time.sleep(0.05)
END
    export NOTIFY_SOCKET=$PWD/notify TFPRELOAD_LOG=debug
    python3 "$PROGRAMS/manager.py" "$NOTIFY_SOCKET" >told 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    wait_for_log listening told
    touch go
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_with_library sh -c '[ -e second ] || python3 notifier.py & exec python3 "$@"' sh "$PROGRAMS/speaker.py" "$PORT" go
    wait_ready 1
    wait_until test -e listens
    touch second
}

# notify_socket PID: the socket that it is to notify
notify_socket() {
    tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^NOTIFY_SOCKET=//p'
}

# name_next_socket: the file `next` names that of the new generation, whose environment is empty
# in the middle of execve()
name_next_socket() {
    notify_socket "$(children "$PID" | tr ' ' '\n' | grep -vx -e "$(first_pid 1)" -e '')" >next &&
        [[ -s next ]]
}

say() {
    local connection

    exec {connection}<>"/dev/tcp/127.0.0.1/$PORT"
    echo "$1" >&"$connection"
    IFS= read -rt "$PATIENCE" -u "$connection" || fail "no answer to $1"
    exec {connection}>&-
}

@test "the manager does not hear a worker without privileges" {
    notify_as_nobody
    printf '%s\n' 'STOPPING=1|STATUS=stolen' 'WATCHDOG=trigger' 'MAINPIDFD=1' 'MAINPID=1' 'WATCHDOG=1' >notices
    touch send
    wait_for_log 'notifies: WATCHDOG=1$'
    say 'SAY STATUS=own'
    wait_for_log '^STATUS=own$' told
    has_no_log 'stolen|trigger|MAINPID|STOPPING|WATCHDOG' told
}

@test "the manager hears from the main process what sd_notify(3) knows, and nothing that is ours" {
    notify_as_nobody
    say 'SAY MAINPID=1|MAINPIDFD=1|WATCHDOG=trigger|NOTIFYACCESS=all|X_OWN=1|ERRNO=x|STATUS=heard|ERRNO=2'
    wait_for_log '^STATUS=heard\|ERRNO=2$' told
}

@test "a process of one generation does not call the next one ready" {
    notify_as_nobody
    rm go
    echo READY=1 >notices
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    wait_until name_next_socket
    touch send
    wait_for_log 'notices: process [0-9]+ of uid 65534 is refused'
    has_no_log 'generation 2: ready'
    touch go
    wait_ready 2
}

@test "a worker of a new generation does not extend its time to become ready" {
    export TFPRELOAD_READY_TIMEOUT=5
    notify_as_nobody
    rm go second
    echo EXTEND_TIMEOUT_USEC=3600000000 >notices
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    touch send
    wait_for_log 'generation 2: process [0-9]+ notifies: EXTEND_TIMEOUT_USEC'
    wait_for_log 'generation 2: upgrade failed: not ready within the ready timeout of 5'
}

@test "a stranger does not take the name of the next notify socket" {
    local session

    notify_as_nobody
    session=$(tr '\0' '\n' <"/proc/$(first_pid 1)/environ" | sed -n 's/^TFPRELOAD_SESSION=//p' | cut -d/ -f2)
    # everybody reads the session's name in /proc/net/unix
    setpriv --reuid=65534 --regid=65534 --clear-groups /usr/bin/python3 -c '
import socket, sys, time
taken = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for number in range(2, 20)]
for number, one in enumerate(taken, 2):
    one.bind(f"\0tfpreload-{sys.argv[1]}-{number}")
print("taken", flush=True)
time.sleep(600)' "$session" >squatter 3>&- &
    STARTED+=("$!")
    wait_for_log taken squatter
    upgrade
    has_no_log 'cannot open a socket for its notices'
}

# ---- the document ----

@test "each test that SECURITY.md names is there" {
    local name count=0

    while IFS= read -r name; do
        grep -qF -e "@test \"$name\" {" "$ROOT"/tests/*.bats || fail "no test: $name"
        count=$((count + 1))
    done < <(sed -n '/^| what was tried/,/^$/s/^| .* | \(.*\) |$/\1/p' "$ROOT/SECURITY.md" | grep -vx 'test')
    ((count > 10)) || fail "only $count"
}

#!/usr/bin/env bats
#
# How an old generation ends: when its connections have ended, or at the exit timeout.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# told_to_stop GENERATION: after how many milliseconds of draining, or of not
told_to_stop() {
    sed -nE "s/^tfpreload: generation $1: .* after ([0-9.]+) (m?s): it is told to stop$/\\1 \\2/p" \
        "$LOG" | awk '{ print int($1 * ($2 == "s" ? 1000 : 1)) }'
}

@test "without connections it goes at once" {
    local name

    for name in fork thread epoll-level; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        serve "$name"
        upgrade
        wait_generation_gone 1
        has_log 'generation 1: drained after'
        [[ $(told_to_stop 1) -lt 5000 ]]
        kill -TERM "$PID"
        wait_end
    done
}

@test "a connection that ends early ends the draining" {
    local name

    for name in fork thread epoll-level; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name"
        keep "$PORT"
        ask_kept >/dev/null
        upgrade v2
        wait_for_log 'generation 1: draining 1 connection, for at most 30 s'
        equal "$(ask_kept | cut -d' ' -f1)" v1 "$name, the kept connection"
        equal "$(ask "$PORT" | cut -d' ' -f1)" v2 "$name, a new connection"
        close_kept
        wait_generation_gone 1
        has_log 'generation 1: drained after'
        has_no_log 'exit timeout'
        kill -TERM "$PID"
        wait_end
    done
}

@test "a connection that is kept ends at the exit timeout" {
    local name

    export TFPRELOAD_EXIT_TIMEOUT=0.5
    for name in fork thread epoll-level; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        serve "$name"
        keep "$PORT"
        ask_kept >/dev/null
        upgrade
        wait_generation_gone 1
        has_log 'generation 1: exit timeout with 1 connection left'
        [[ $(told_to_stop 1) -ge 400 ]] || fail "$name: told to stop too early"
        kept_has_ended
        close_kept
        kill -TERM "$PID"
        wait_end
    done
}

@test "many connections are counted" {
    local i

    export TFPRELOAD_EXIT_TIMEOUT=3
    serve epoll-level
    for ((i = 0; i < 20; i++)); do
        keep "$PORT"
        ask_kept >/dev/null
    done
    upgrade
    wait_for_log 'generation 1: draining 20 connections, for at most 3.0 s'
    for i in "${KEPT_ALL[@]:0:15}"; do
        exec {i}>&-
    done
    KEPT_ALL=("${KEPT_ALL[@]:15}")
    wait_for_log 'generation 1: exit timeout with 5 connections left'
    wait_generation_gone 1
}

@test "connections over IPv6 and through several listeners are counted" {
    local second third

    second=$(free_port)
    third=$(free_port)
    serve poll --listen "[::1]:$second" --listen "[::]:$third"
    keep "$PORT"
    ask_kept >/dev/null
    exec {KEPT}<>"/dev/tcp/::1/$second"
    KEPT_ALL+=("$KEPT")
    ask_kept >/dev/null
    exec {KEPT}<>"/dev/tcp/::1/$third"
    KEPT_ALL+=("$KEPT")
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining 3 connections'
    close_kept
    wait_generation_gone 1
    has_log 'generation 1: drained after'
}

# A datagram is read at once, or what is left of it is lost.
ask_session() {
    echo "GET kept" >&"$KEPT"
    timeout "$PATIENCE" dd bs=512 count=1 status=none <&"$KEPT"
}

# Generation 2 has but its service's own socket and a resolver's, and two seconds for late answers.
datagram_sessions() {
    set_version v1
    start_server python3 "$PROGRAMS/datagram_sessions.py" "$PORT" "$PWD/version" "$1"
    exec {KEPT}<>"/dev/udp/127.0.0.1/$PORT"
    KEPT_ALL+=("$KEPT")
    equal "$(ask_session)" "v1 $(first_pid 1) kept"
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection, for'
    upgrade v3
    wait_for_log 'generation 2: drained after'
    has_no_log 'generation 2: draining'
    equal "$(ask_session)" "v1 $(first_pid 1) kept" "answer in the session"
    echo END >&"$KEPT"
    wait_for_log 'generation 1: drained after'
    wait_generation_gone 1
}

@test "datagram sockets that are connected to clients are counted" {
    datagram_sessions SO_REUSEADDR
}

@test "datagram sockets that are connected to clients are counted, with SO_REUSEPORT" {
    datagram_sessions SO_REUSEPORT
}

@test "a connection that the client has half closed, with an answer to come, is not cut" {
    serve epoll-level --service-time 700
    python3 - "$PORT" >half <<'END' 3>&- &
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(b"GET half\n")
connection.settimeout(20)
print("sent", flush=True)
print(connection.recv(100).decode(), end="", flush=True)
END
    wait_for_log sent half
    upgrade
    wait "$!"
    has_log "^v1 [0-9]+ half$" half
}

@test "an exit timeout of 0 does not wait" {
    export TFPRELOAD_EXIT_TIMEOUT=0
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_generation_gone 1
    [[ $(told_to_stop 1) -lt 5000 ]]
}

@test "TFPRELOAD_STOP_SIGNAL is what an old generation gets" {
    export TFPRELOAD_STOP_SIGNAL=USR2
    start_server "$TESTS/odd" --port "$PORT" --stop-on 12
    upgrade
    wait_generation_gone 1
    has_log '^signal 12 value 0$' "$OUT"
    has_log 'generation 1: gone .*, exited with status 0'
}

@test "who ignores the stop signal is killed after 5 s, with its family" {
    local family

    start_server "$TESTS/odd" --port "$PORT" --ignore 15 --child
    family="$(first_pid 1) $(children "$(first_pid 1)")"
    upgrade
    wait_for_log 'generation 1: not gone [5-9]\.[0-9] s after the stop signal: killed'
    wait_generation_gone 1
    # shellcheck disable=SC2086 # a list of pids
    wait_gone $family
    has_log 'generation 1: gone .*, was killed by SIGKILL'
    serves_version "$PORT" 1
    kill -KILL "$(first_pid 2)"
    # the current generation's child ignores SIGTERM, too: it is the test's to end
    pkill -KILL -f "odd --port $PORT"
}

@test "a child that ignores the stop signal is killed after its parent has gone" {
    local child

    start_server "$TESTS/odd" --port "$PORT" --child
    child=$(children "$(first_pid 1)")
    upgrade
    wait_gone "$(first_pid 1)"
    wait_gone "${child% }"
    wait_generation_gone 1
    pkill -KILL -f "odd --port $PORT"
}

@test "an old generation that goes by itself is fine" {
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    kill -KILL "$(first_pid 1)"
    wait_until is_gone "$(first_pid 1)"
    kept_has_ended
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 2
    equal "$(children "$PID" | wc -w)" 1 "children of the helper"
}

@test "a worker that an old master starts anew takes no new client" {
    local old i

    serve prefork
    keep "$PORT"
    ask_kept >/dev/null
    old=$(children "$(first_pid 1)")
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection'
    # workers die, but not the one with the connection: others take their place
    for i in $old; do
        [[ $i == "$(ask_kept | cut -d' ' -f2)" ]] || kill -KILL "$i"
    done
    wait_until has_other_children "$(first_pid 1)" "$old"
    for i in 1 2 3 4; do
        serves_version "$PORT" v2
    done
    equal "$(ask_kept | cut -d' ' -f1)" v1 "the kept connection"
    close_kept
    wait_generation_gone 1
}

# has_other_children PARENT OLD: as many as before, of which one has stayed
has_other_children() {
    local now

    now=$(children "$1")
    [[ $(wc -w <<<"$now") == $(wc -w <<<"$2") ]] &&
        [[ $(comm -12 <(tr ' ' '\n' <<<"$now" | sort) <(tr ' ' '\n' <<<"$2" | sort) |
            grep -c .) == 1 ]]
}

@test "a stopped old process does not hold up the rest" {
    export TFPRELOAD_EXIT_TIMEOUT=3
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    wait_for_log 'generation 1: draining'
    kill -STOP "$(first_pid 1)"
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 1
    wait_generation_gone 2
}

@test "a stopped current process: the upgrade fails and says which, or succeeds, and nothing hangs" {
    serve epoll-level
    kill -STOP "$(first_pid 1)"
    kill -HUP "$PID"
    wait_for_log "generation 2: upgrade failed: process $(first_pid 1) of generation 1 did not"
    kill -CONT "$(first_pid 1)"
    upgrade v3
    serves_version "$PORT" v3
}

@test "a generation that signals its process group does not reach the next one, nor the helper" {
    requires python3
    # a group of its own: what goes wrong must not reach the tests
    start setsid env LD_PRELOAD="$LIBRARY" python3 "$PROGRAMS/group_killer.py" "$PORT"
    wait_ready 1
    local i
    for i in 1 2 3; do
        upgrade
        wait_generation_gone "$i"
        serves_version "$PORT" 1
    done
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 143 "status of the helper"
}

@test "without CAP_SYS_PTRACE, connections of a process that has changed its uid are waited for" {
    requires root setpriv
    set_version v1
    start setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "$HELPER" -- "$TESTS/poll" \
        --port "$PORT" --version-file "$PWD/version" --user 65534
    wait_ready 1
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    wait_for_log "generation 1: draining 1 connection,"
    serves_version "$PORT" v2
    [[ $(ask_kept) == "v1 "* ]] || fail "the kept connection was cut"
    close_kept
    wait_generation_gone 1
}

# It is told so by its own answers: the signal must not find it in the handler that sends them.
@test "without CAP_SYS_PTRACE, a process that has changed its uid waits again before it is told to stop" {
    requires root setpriv strace
    set_version v1
    start setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "$HELPER" -- "$TESTS/poll" \
        --port "$PORT" --version-file "$PWD/version" --user 65534
    wait_ready 1
    timeout 60 strace -qq -o trace -p "$(first_pid 1)" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$(first_pid 1)/status"
    upgrade
    wait_generation_gone 1
    wait_for_log '^--- SIGTERM' trace
    grep -B 1 '^--- SIGTERM' trace >before
    has_no_log rt_sigreturn before
}

# hold_many PORT COUNT: connections that end when descriptor HELD is closed; tell_many for less
hold_many() {
    rm -f many-orders
    mkfifo many-orders
    python3 "$PROGRAMS/many_clients.py" "$1" "$2" <many-orders >many 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    exec {HELD}>many-orders
    KEPT_ALL+=("$HELD")
    wait_for_log connected many
}

# tell_many WORDS...: N, or reset N
tell_many() {
    echo "$*" >&"$HELD"
    wait_for_log closed many
}

@test "thousands of connections are counted, and one that is left is waited for" {
    requires python3
    ulimit -n 4096 || skip "no more than $(ulimit -Hn) descriptors"
    serve epoll-level
    hold_many "$PORT" 2000
    upgrade v2
    wait_for_log 'generation 1: draining 2000 connections, for'
    tell_many 1999
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 2
    has_no_log 'generation 1: (drained|exit timeout)'
    close_kept
    wait_generation_gone 1
    has_log 'generation 1: drained after'
}

@test "connections of hundreds of processes are counted" {
    requires python3
    serve fork
    hold_many "$PORT" 300
    upgrade v2
    wait_for_log 'generation 1: draining 300 connections, for'
    close_kept
    wait_generation_gone 1
    has_log 'generation 1: drained after'
}

@test "draining asks the kernel for no list of TCP sockets, and interrupts nobody" {
    requires python3 strace
    export TFPRELOAD_LOG=debug
    serve epoll-level
    hold_many "$PORT" 20
    timeout 60 strace -qq -e trace=sendto -o trace -p "$PID" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$PID/status"
    upgrade v2
    wait_for_log 'generation 1: draining 20 connections'
    tell_many 20
    wait_generation_gone 1
    has_log 'SOCK_DIAG_BY_FAMILY.*sdiag_family=AF_INET' trace # it would show
    has_no_log 'NLM_F_DUMP.*sdiag_family=AF_INET' trace
    has_log 'order to retire: '
    has_no_log 'order to count: '
}

@test "a program that was executed for one connection, and alone holds it, is waited for" {
    requires python3
    start_server python3 "$PROGRAMS/inetd.py" "$PORT"
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining 1 connection,'
    upgrade
    [[ $(ask_kept) == *" kept" ]]
    wait_generation_gone 2
    has_no_log 'generation 1: (drained|exit timeout)'
    close_kept
    wait_generation_gone 1
    has_log 'generation 1: drained after'
}

@test "without CAP_SYS_PTRACE, a program that was executed for one connection is waited for" {
    requires root setpriv python3
    start setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "$HELPER" -- \
        python3 "$PROGRAMS/inetd.py" "$PORT" 65534
    wait_ready 1
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining 1 connection,'
    [[ $(ask_kept) == *" kept" ]]
    close_kept
    wait_generation_gone 1
    has_log 'generation 1: drained after'
}

@test "connections on their way from one process to another are waited for" {
    local first

    requires python3
    mkfifo go
    start_server python3 "$PROGRAMS/passes.py" "$PORT" "$PWD/go"
    keep "$PORT"
    first=$KEPT
    keep "$PORT"
    wait_until has_passed 2
    upgrade
    wait_for_log 'generation 1: draining 2 connections'
    echo >go
    ask_kept "$first"
    ask_kept
    wait_generation_gone 1
    has_log 'generation 1: drained'
}

has_passed() {
    (($(count_log '^passed' "$OUT") == $1))
}

@test "a connection that the client has reset, and the server never closes, is not waited for" {
    requires python3
    start_server python3 "$PROGRAMS/careless.py" "$PORT"
    hold_many "$PORT" 3
    tell_many reset 1
    upgrade
    wait_for_log 'generation 1: draining 2 connections,'
    tell_many reset 2
    wait_generation_gone 1
    has_log 'generation 1: drained after'
}

@test "a connection that the client has reset is found among thousands" {
    requires python3
    ulimit -n 4096 || skip "no more than $(ulimit -Hn) descriptors"
    start_server python3 "$PROGRAMS/careless.py" "$PORT"
    hold_many "$PORT" 3000
    upgrade
    wait_for_log 'generation 1: draining 3000 connections,'
    tell_many reset 1
    wait_until -t 60 drains 2999
    close_kept
}

drains() {
    "$HELPER" status --json "$PID" | grep -q "\"connections\": *$1\>"
}

@test "a socket that was opened since is asked about when nothing else is left, and once" {
    requires python3
    export TFPRELOAD_LOG=debug
    start_server python3 "$PROGRAMS/careless.py" "$PORT"
    hold_many "$PORT" 1
    upgrade
    wait_for_log 'generation 1: draining 1 connection,'
    kill -USR1 "$(first_pid 1)"
    wait_for_log opened "$OUT"
    has_no_log 'order to count: '
    tell_many reset 1
    wait_generation_gone 1
    # told again where it took its time, and not by each look
    (($(count_log 'order to count: ') <= 3)) || fail "orders: $(count_log 'order to count: ')"
    has_no_log 'nobody says what'
    has_log 'generation 1: drained after'
}

@test "a process that is stopped, and holds a socket that nobody knows, ends when it should" {
    requires python3
    start_server python3 "$PROGRAMS/careless.py" "$PORT"
    hold_many "$PORT" 1
    upgrade
    wait_for_log 'generation 1: draining 1 connection,'
    kill -USR1 "$(first_pid 1)"
    wait_for_log opened "$OUT"
    kill -STOP "$(first_pid 1)"
    tell_many reset 1
    wait_generation_gone 1
    has_log 'generation 1: drained after'
}

# without_netlink OPTION...: a server, where the kernel may not be asked for connections
without_netlink() {
    set_version v1
    start "$TESTS/confined" --no-netlink "$HELPER" -- "$TESTS/poll" "$@" \
        --version-file "$PWD/version"
    wait_ready 1
}

@test "without sock_diag, connections are waited for" {
    requires root
    without_netlink --port "$PORT"
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    wait_for_log "generation 1: draining 1 connection,"
    serves_version "$PORT" v2
    [[ $(ask_kept) == "v1 "* ]] || fail "the kept connection was cut"
    close_kept
    wait_generation_gone 1
}

@test "without sock_diag, connections to an IPv6 listener are waited for" {
    requires root
    without_netlink --listen "[::]:$PORT"
    exec {KEPT}<>"/dev/tcp/::1/$PORT"
    KEPT_ALL+=("$KEPT")
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    wait_for_log "generation 1: draining 1 connection,"
    close_kept
    wait_generation_gone 1
}

@test "without sock_diag, connections to unix sockets are waited for" {
    requires root
    without_netlink --port "$PORT" --unix "$PWD/socket" --unix "@$TFP_TEST_ID"
    start python3 -c 'import socket, sys, time
clients = []
for name in sys.argv[1], "\0" + sys.argv[2]:
    client = socket.socket(socket.AF_UNIX)
    client.connect(name)
    client.sendall(b"GET kept\n")
    client.recv(100)
    clients.append(client)
print("kept", flush=True)
time.sleep(1000)' "$PWD/socket" "$TFP_TEST_ID"
    local client=$PID
    wait_for_log kept "$OUT"
    PID=${STARTED[0]}
    upgrade v2
    wait_for_log "generation 1: draining 2 connections,"
    kill "$client"
    wait_generation_gone 1
}

@test "a retired generation names its sockets as before: getsockname" {
    requires python3
    local before
    start_server python3 "$PROGRAMS/names.py" "$PORT" "$PWD/a.sock"
    keep "$PORT"
    before=$(ask_kept)
    [[ $before == *"('127.0.0.1', $PORT)"*"a.sock"* ]] || fail "not its names: $before"
    upgrade_by kill -HUP "$PID"
    equal "$(ask_kept)" "$before" "names"
}

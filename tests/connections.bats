#!/usr/bin/env bats
#
# Which connections of an old generation are waited for, and who holds them.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

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

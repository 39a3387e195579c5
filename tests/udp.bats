#!/usr/bin/env bats
#
# Datagram sockets: inherited like listeners, and who owes answers still sends them.

load helpers
load listeners

# udp_upgrades HOST OPTION...: upgrades of a datagram server whose clients ask all the time
udp_upgrades() {
    local host=$1

    shift
    set_version v1
    start_server "$TESTS/udp-server" "$@" "$PORT" "$PWD/version"
    upgrades_under_udp_load "$host"
}

# upgrades_under_udp_load HOST: three of them, with nothing lost
upgrades_under_udp_load() {
    local host=$1 status=0 i

    "$TESTS/udp-load" "$host" "$PORT" 16 60 >udp.out 2>log-versions 3>&- &
    LOAD_PID=$!
    for i in 2 3 4; do
        upgrade "v$i"
        wait_for_log "^version v$i\$" log-versions
    done
    # the older generations may still owe answers: their ends belong to the test
    wait_generation_gone 3
    kill -INT "$LOAD_PID"
    wait_gone "$LOAD_PID"
    wait "$LOAD_PID" || status=$?
    LOAD_PID=
    cat udp.out
    equal "$status" 0 "status of the UDP load"
    [[ $(cat udp.out) == *"lost 0 wrong 0"*"versions 4" ]] || fail "not all versions answered"
}

@test "udp: a server that blocks in recvfrom" {
    udp_upgrades 127.0.0.1 -4
}

# bats test_tags=fast
@test "udp: a server that polls" {
    udp_upgrades 127.0.0.1 -4 -p
}

# poll() says "a datagram", and then the receive blocks until there is one: it never says EAGAIN
@test "udp: a server that polls, and ends at an error of its blocking receive" {
    udp_upgrades 127.0.0.1 -4 -p -e
}

@test "udp: the same in four threads" {
    udp_upgrades 127.0.0.1 -4 -p -e -n 4
}

@test "udp: an event loop whose datagram socket blocks serves its connections on" {
    set_version v1
    start_server python3 "$PROGRAMS/mixed_loop.py" "$PORT" "$PWD/version"
    keep "$PORT"
    equal "$(ask_kept)" "v1 $(first_pid 1) kept"
    upgrades_under_udp_load 127.0.0.1
    equal "$(ask_kept)" "v1 $(first_pid 1) kept" "answer of generation 1"
}

@test "udp: IPv6, and IPv4 clients of an IPv6 socket" {
    udp_upgrades ::1 -6
}

@test "udp: a server with a thread of libc's that blocks all signals (SIGEV_THREAD)" {
    udp_upgrades 127.0.0.1 -4 -t
}

@test "udp: late answers leave from the service's port" {
    udp_upgrades 127.0.0.1 -4 -d 40
}

@test "udp: late answers over IPv6" {
    udp_upgrades ::1 -6 -p -d 40
}

@test "udp: a server that executes itself and keeps the socket, blocks in recvfrom" {
    udp_upgrades 127.0.0.1 -4 -x
}

@test "udp: a server that executes itself and keeps the socket, polls" {
    udp_upgrades ::1 -6 -x -p -e
}

# udp_activation KIND DESCRIPTOR OPTION...: see activate.py
udp_activation() {
    local kind=$1 descriptor=$2

    shift 2
    requires python3
    set_version v1
    start python3 "$PROGRAMS/activate.py" "$kind:$PORT" "$HELPER" -- \
        "$TESTS/udp-server" "$@" "+$descriptor" "$PWD/version"
    wait_ready 1
    upgrades_under_udp_load 127.0.0.1
}

@test "udp: socket activation, a server that blocks in recvfrom" {
    udp_activation udp 3
}

@test "udp: socket activation, a server that polls" {
    udp_activation udp 3 -p -e
}

@test "udp: inetd's wait, a server that blocks in recvfrom" {
    udp_activation inetd 0
}

@test "udp: inetd's wait, a server that polls" {
    udp_activation inetd 0 -p -e
}

@test "udp: what a program is given and another one has bound for itself is left alone" {
    requires python3
    local port
    set_version v1
    start_server python3 "$PROGRAMS/habits.py" resolver "$PORT" version
    ask "$PORT" >/dev/null
    wait_for_log '^resolver on' "$OUT"
    port=$(sed -n 's/^resolver on //p' "$OUT")
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    has_log 'started, pid [0-9]+, with 1 inherited listener$'
    serves_version "$PORT" v2
    echo reply >"/dev/udp/127.0.0.1/$port"
    wait_for_log '^resolver got a reply$' "$OUT"
}

@test "udp: TCP and UDP on the same port are different listeners" {
    set_version v1
    start_server sh -c "'$TESTS/udp-server' -p $PORT '$PWD/version' &
        exec '$TESTS/fork' --port $PORT --version-file '$PWD/version'"
    upgrade v2
    serves_version "$PORT" v2
    "$TESTS/udp-load" 127.0.0.1 "$PORT" 1 1 >udp.out
    has_log "lost 0 wrong 0 .* versions 1" udp.out
    # the shell's child is told to stop, once the shell's own server has ended
    local udp
    udp=$(pgrep -P "$(first_pid 2)" -f udp-server)
    kill -TERM "$PID"
    wait_end
    wait_gone "$udp"
}

@test "udp: a unix datagram socket keeps its path" {
    set_version v1
    start_server "$TESTS/udp-server" "@$PWD/socket" "$PWD/version"
    local inode
    inode=$(stat -c %i socket)
    upgrade v2
    equal "$(stat -c %i socket)" "$inode" "inode of the path"
}

@test "udp: multicast groups that are joined after bind" {
    local v4 v6
    v4=$(printf ' join=%s' {IP_ADD,IP_ADD_SOURCE}_MEMBERSHIP MCAST_JOIN_{,SOURCE_}GROUP)
    v6=$(printf ' join=%s' IPV6_JOIN_GROUP MCAST_JOIN_{,SOURCE_}GROUP_6)
    each_is_inherited "udp 127.0.0.1 $PORT$v4" "udp ::1 $PORT$v6"
}

@test "udp: a group that a program joins twice itself is an error, as without us" {
    requires python3
    set_version v1
    listen_on "udp 127.0.0.1 $PORT join=IP_ADD_MEMBERSHIP join=IP_ADD_MEMBERSHIP"
    start_with_library python3 "$PROGRAMS/listeners.py" version listeners
    wait_end
    equal "$STATUS" 1 "status of the server"
    has_log 'Address already in use'
}

has_options() {
    [[ $(count_log '^end of options' "$1") == 1 ]]
}

@test "udp and unix datagrams: options that are set before bind are those of the new version" {
    local variant variants=(plain rich stamps nano "new stamps" "new nano")

    requires python3
    for variant in "${variants[@]}"; do
        echo "$variant" >variant
        OUT=$PWD/out-$variant start python3 "$PROGRAMS/datagram_options.py" "$(free_port)" \
            "$PWD/socket-$variant" variant
        wait_until has_options "out-$variant"
        kill -TERM "$PID"
    done
    refute diff out-plain out-rich >/dev/null
    echo plain >variant
    start_server python3 "$PROGRAMS/datagram_options.py" "$PORT" "$PWD/socket" variant
    for variant in rich plain nano rich stamps "new nano" "new stamps" nano "new stamps" stamps \
        "new nano" rich "new nano" nano stamps nano plain; do
        echo "$variant" >variant
        : >"$OUT"
        upgrade
        wait_until has_options "$OUT"
        diff "out-$variant" "$OUT" || fail "adopted as $variant"
    done
}

# sockets_on_device COUNT: so many datagram sockets on PORT, each bound to lo
sockets_on_device() {
    ss -Hlun "sport = :$PORT" >sockets
    equal "$(wc -l <sockets) $(grep -c '%lo:' sockets)" "$1 $1" "sockets, and those bound to lo"
}

@test "udp: late answers leave by the device that the socket was bound to" {
    requires ss
    export TFPRELOAD_STOP_SIGNAL=WINCH # which the old generation ignores: it stays for some seconds
    start_listeners "udp 127.0.0.1 $PORT device=lo"
    sockets_on_device 1
    upgrade
    sockets_on_device 2
}

@test "udp: a late answer may be a broadcast" {
    local second

    requires python3
    echo broadcast >variant
    start_server python3 "$PROGRAMS/datagram_options.py" "$PORT" "$PWD/socket" variant
    second=$(free_port)
    start python3 -c "
import socket
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.bind(('0.0.0.0', $second))
client.sendto(b'$second', ('127.0.0.1', $PORT))
print('asked', flush=True)
print('answer from', client.recvfrom(100)[1][1], flush=True)"
    wait_for_log asked "$OUT"
    wait_until has_children_of_first
    PID=${STARTED[0]}
    upgrade
    touch go
    wait_for_log 'answer from' "$OUT"
    has_log "answer from $PORT\$" "$OUT"
    has_no_log 'late answer'
}

has_children_of_first() {
    [[ -n $(children "$(first_pid 1)") ]]
}

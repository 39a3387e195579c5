#!/usr/bin/env bats
#
# TFPRELOAD_UDP=sessions: who talks to a generation over an unconnected datagram socket stays with it
# until he is silent, and everybody else is the new one's. No datagram is lost by that.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load messages

# serve_sessions ARGUMENT...: session_server.py; those of one that is silent for so long end
serve_sessions() {
    requires python3
    export TFPRELOAD_UDP=${TFPRELOAD_UDP:-sessions}
    set_version v1
    start_server python3 "$PROGRAMS/session_server.py" version "$@"
}

# start_clients [HOST]: they take commands by say(), and tell in the file log-clients
start_clients() {
    mkfifo commands
    python3 "$PROGRAMS/session_clients.py" "${1:-127.0.0.1}" "$PORT" <commands >log-clients 2>&1 3>&- &
    CLIENTS=$!
    exec {COMMANDS}>commands
}

is_bound() {
    [[ -n $(ss -Hlun "sport = :$PORT") ]]
}

# say COMMAND...
say() {
    echo "$*" >&"$COMMANDS"
}

# opens NAME COUNT VERSION: so many new sessions, which that version serves
opens() {
    say open "$1" "$2"
    wait_for_log "^$1 opened" log-clients
    has_log "^$1 opened $3\$" log-clients
}

has_more_lines_than() {
    (($(count_log "$2" log-clients) > $1))
}

# talks_to NAME VERSION: these sessions go on, and are that version's
talks_to() {
    local before

    before=$(count_log "^$1 talks to" log-clients)
    say ask "$1"
    wait_until has_more_lines_than "$before" "^$1 talks to"
    equal "$(grep "^$1 talks to" log-clients | tail -n 1)" "$1 talks to $2"
}

# end_clients: not a datagram was lost, and no answer came from another generation
end_clients() {
    local status=0

    say end
    exec {COMMANDS}>&-
    wait_gone "$CLIENTS"
    wait "$CLIENTS" || status=$?
    has_log '^lost 0 wrong 0 answers [1-9]' log-clients
    equal "$status" 0 "status of the clients"
}

# sessions_survive [HOST]: two upgrades, three generations at once, each with its own sessions
sessions_survive() {
    start_clients "$@"
    opens a 10 v1
    upgrade v2
    wait_retired 1
    opens b 10 v2
    talks_to a v1
    upgrade v3
    wait_retired 2
    opens c 10 v3
    talks_to a v1
    talks_to b v2
    end_clients
}

# bats test_tags=fast
@test "sessions: each stays with the generation that it began with, and new ones are the new one's" {
    serve_sessions "$PORT"
    sessions_survive
    has_log '^tfpreload: generation 1: keeps 10 datagram peers, each until it is silent for 30 s$'
    has_log '^tfpreload: generation 1: draining 10 connections'
}

@test "sessions: the same by sendmsg() and recvmsg()" {
    serve_sessions messages "$PORT"
    sessions_survive
}

@test "sessions: IPv6" {
    serve_sessions "$PORT@::1"
    sessions_survive ::1
}

@test "sessions: IPv4 clients of a socket that is bound to any address of both families" {
    serve_sessions "$PORT@::"
    sessions_survive 127.0.0.1
}

@test "sessions: IPv6 clients of the same" {
    serve_sessions "$PORT@::"
    sessions_survive ::1
}

@test "sessions: any address of IPv4" {
    serve_sessions "$PORT@0.0.0.0"
    sessions_survive
}

@test "sessions: those that begin while upgrades go on lose nothing" {
    local i

    export TFPRELOAD_UDP=sessions:1
    serve_sessions "$PORT"
    start_clients
    say churn many 20
    opens a 10 v1
    for i in 2 3 4 5 6; do
        upgrade "v$i"
        opens "a$i" 1 "v$i"
    done
    talks_to a v1
    end_clients
}

@test "sessions: a helper that executes its new version keeps them" {
    serve_sessions "$PORT"
    start_clients
    opens a 10 v1
    upgrade v2
    "$HELPER" upgrade --self "$PID"
    talks_to a v1
    opens b 10 v2
    upgrade v3
    "$HELPER" upgrade --self "$PID"
    talks_to a v1
    talks_to b v2
    opens c 10 v3
    end_clients
}

@test "sessions: hundreds of them" {
    serve_sessions "$PORT"
    start_clients
    opens a 150 v1 # more would not fit into the queue of one socket
    upgrade v2
    opens b 20 v2
    talks_to a v1
    has_log 'generation 1: keeps 150 datagram peers'
    end_clients
}

@test "sessions: who has been silent is the new one's, and with the last the generation goes" {
    export TFPRELOAD_UDP=sessions:1
    serve_sessions "$PORT"
    start_clients
    opens a 3 v1
    opens b 2 v1
    upgrade v2
    talks_to a v1
    say quiet a
    wait_until connections_of 1 2
    talks_to b v1
    say again a
    wait_until has_more_lines_than 1 '^a opened'
    equal "$(grep '^a opened' log-clients | tail -n 1)" 'a opened v2'
    say quiet b
    wait_for_log '^tfpreload: generation 1: drained after'
    talks_to a v2
    end_clients
}

# connections_of GENERATION COUNT
connections_of() {
    [[ $("$HELPER" status --json "$PID") =~ \"generation\":\ *$1,[^}]*\"connections\":\ *$2, ]] ||
        "$HELPER" status "$PID" | grep -Eq "^$1 +draining .* $2 +[0-9.]+ m?s "
}

@test "sessions: those that are left at the exit timeout are cut, and begin anew with the new one" {
    export TFPRELOAD_EXIT_TIMEOUT=2
    serve_sessions "$PORT"
    start_clients
    opens a 5 v1
    upgrade v2
    talks_to a v1
    wait_for_log '^tfpreload: generation 1: exit timeout with 5 connections left$'
    wait_generation_gone 1
    say quiet a
    wait_for_log '^a quiet' log-clients
    say again a
    wait_until has_more_lines_than 1 '^a opened'
    talks_to a v2
    end_clients
}

# What was done to the port is undone: nobody can bind it a second time.
is_bound_alone() {
    refute python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(('127.0.0.1', $PORT))" 2>/dev/null
}

@test "sessions: the port belongs to one socket before an upgrade, and again after it" {
    export TFPRELOAD_UDP=sessions:1
    serve_sessions "$PORT"
    is_bound_alone
    start_clients
    opens a 1 v1
    upgrade v2
    talks_to a v1
    say quiet a
    wait_generation_gone 1
    wait_until is_bound_alone
    opens b 1 v2
    upgrade v3
    talks_to b v2
    end_clients
}

@test "sessions: a second service finds the port in use, while an upgrade drains, too" {
    local service

    serve_sessions "$PORT"
    service=$PID
    start_clients
    opens a 1 v1
    upgrade v2
    talks_to a v1
    LOG=$BATS_TEST_TMPDIR/log-second start_with_library python3 "$PROGRAMS/session_server.py" \
        version "$PORT"
    wait_end
    equal "$STATUS" 1 "status of the second one"
    has_log 'Address already in use' log-second
    PID=$service
    talks_to a v1
    end_clients
}

@test "sessions: an upgrade that fails leaves all of them where they are" {
    serve_sessions "$PORT"
    start_clients
    opens a 10 v1
    set_version broken
    upgrade_fails 'exited with status 1'
    opens b 10 v1
    for _ in {1..8}; do
        upgrade_fails 'exited with status 1'
        talks_to a v1
        talks_to b v1
    done
    upgrade v2
    talks_to a v1
    talks_to b v1
    opens c 1 v2
    end_clients
}

@test "sessions: an upgrade that fails late, and withdraws, leaves all of them where they are" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 2)
    export TFPRELOAD_READY='exec:test ! -e bad' TFPRELOAD_READY_TIMEOUT
    serve_sessions "$PORT"
    wait_until is_bound # the probe has not shown that
    start_clients
    opens a 10 v1
    touch bad
    set_version v2
    upgrade_fails 'the probe does not succeed'
    talks_to a v1
    opens b 10 v1
    wait_generation_gone 2
    talks_to a v1
    rm bad
    upgrade v3
    talks_to a v1
    talks_to b v1
    opens c 1 v3
    end_clients
}

@test "sessions: after a roll-back the old generation has everybody, and the next upgrade goes well" {
    serve_sessions "$PORT"
    start_clients
    opens a 10 v1
    upgrade v2
    wait_retired 1
    talks_to a v1
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    opens b 10 v1
    talks_to a v1
    upgrade v3
    talks_to a v1
    talks_to b v1
    opens c 1 v3
    end_clients
}

@test "sessions: after a restart, those of the new process are kept by the next upgrade" {
    export TFPRELOAD_RESTART=always
    serve_sessions "$PORT"
    wait_until helper_holds_socket
    kill -KILL "$(first_pid 1)"
    wait_ready 2
    start_clients
    opens a 10 v1
    upgrade v3
    talks_to a v1
    opens b 1 v3
    end_clients
}

# The helper has a copy of the datagram socket on PORT.
helper_holds_socket() {
    [[ $(ss -Hlnup "sport = :$PORT") == *"pid=$PID,"* ]]
}

@test "sessions: two ports" {
    local second

    second=$(free_port)
    serve_sessions "$PORT" "$second"
    sessions_survive
}

@test "sessions: a port that the new version does not have any more is closed as ever" {
    local second

    export TFPRELOAD_UDP=sessions:1
    second=$(free_port)
    serve_sessions "$PORT" "$second"
    start_clients
    opens a 10 v1
    upgrade deaf
    wait_retired 1
    talks_to a v1
    opens b 1 deaf
    say quiet a
    wait_generation_gone 1
    wait_until is_free "$second"
    talks_to b deaf
    end_clients
}

is_free() {
    [[ -z $(ss -Hlun "sport = :$1") ]]
}

@test "sessions: a peer to whom the old generation speaks first is its own" {
    local asked

    asked=$(free_port)
    serve_sessions "$PORT"
    start_clients
    opens a 1 v1
    upgrade v2
    wait_retired 1
    python3 -c "
import socket
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.bind(('127.0.0.1', $asked))
asked.settimeout(10)
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(10)
asker.connect(('127.0.0.1', $PORT))
asker.send(b'HELLO')
print(asker.recv(100).decode().split()[1])
asker.send(b'TO:$asked')
data, server = asked.recvfrom(100)
asked.sendto(b'1', server)
print(asked.recv(100).decode())" >told
    equal "$(head -n 1 told)" v2
    has_log '^v2 [0-9]+ 1$' told
    end_clients
}

@test "sessions: a server that gives up root before it binds, below a helper that is root" {
    requires root
    serve_sessions before "$PORT"
    sessions_survive
}

@test "sessions: a server that gives up root after it has bound" {
    requires root
    serve_sessions after "$PORT"
    sessions_survive
}

@test "sessions: a process that tells of new peers without end costs itself, and nobody's session" {
    requires root python3
    know_messages
    chmod 777 .
    export TFPRELOAD_UDP=sessions
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ -e rogue ] || env -u LD_PRELOAD "$0" $$ peers 600 >rogue & exec "$@"' \
        "$PROGRAMS/rogue.py" python3 "$PROGRAMS/session_server.py" version "$PORT"
    start_clients
    opens a 100 v1
    upgrade v2
    wait_retired 1
    touch go
    opens b 10 v2
    talks_to a v1
    timeout 10 "$HELPER" status "$PID" >shown
    wait_until test -s rogue
    equal "$(<rogue)" "answered 600"
    talks_to a v1
    end_clients
}

@test "sessions: several sockets of a set are the server's own affair, and the log says so" {
    requires python3
    export TFPRELOAD_UDP=sessions
    set_version v1
    start_server python3 -c "
import os, selectors, socket
loop = selectors.DefaultSelector()
for _ in range(2):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(('127.0.0.1', $PORT))
    loop.register(s, selectors.EVENT_READ)
while True:
    for key, _ in loop.select():
        data, address = key.fileobj.recvfrom(100)
        key.fileobj.sendto(b'%s %d' % (open('version').read().split()[0].encode(), os.getpid()), address)"
    upgrade v2
    has_log "sessions on 127.0.0.1:$PORT are not kept: the server spreads clients over several sockets itself"
    wait_retired 1
}

@test "sessions: without the setting, the new generation gets all datagrams" {
    requires python3
    set_version v1
    start_server python3 "$PROGRAMS/session_server.py" version "$PORT"
    start_clients
    opens a 5 v1
    upgrade v2
    wait_for_log '^lost [0-9]+ of' log-clients
    opens b 5 v2
    say end
    exec {COMMANDS}>&-
    wait_gone "$CLIENTS"
}

# make_certificates NAME...: and ca.crt, which has signed them
make_certificates() {
    local name key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

    openssl req -x509 "${key[@]}" -keyout ca.key -out ca.crt -days 30 -subj /CN=ca
    for name; do
        openssl req "${key[@]}" -keyout "$name.key" -out "$name.csr" -subj "/CN=$name"
        openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial \
            -out "$name.crt" -days 30
    done
} 2>/dev/null

# openvpn_client NAME: it begins a new session when it has heard nothing for three seconds
openvpn_client() {
    openvpn --dev tun --proto udp4 --remote 127.0.0.1 "$PORT" --nobind --client --ifconfig-noexec \
        --route-noexec --ca ca.crt --cert client.crt --key client.key --disable-dco --verb 6 \
        >"log-$1" 3>&- &
    VPN_CLIENTS+=($!)
    wait_for_log 'Initialization Sequence Completed' "log-$1"
}

# has_heard NAME COUNT: so many packets, one of which comes each second
has_heard() {
    (($(count_log 'UDPv4 READ' "log-$1") >= $2))
}

@test "sessions: OpenVPN's clients do not notice" {
    requires root openvpn openssl
    [[ -c /dev/net/tun ]] || skip "there is no /dev/net/tun"
    VPN_CLIENTS=()
    export TFPRELOAD_UDP=sessions
    make_certificates server client
    start_server openvpn --dev tun --proto udp4 --local 127.0.0.1 --port "$PORT" \
        --server 10.199.0.0 255.255.255.0 --topology subnet --ifconfig-noexec --route-noexec \
        --ca ca.crt --cert server.crt --key server.key --dh none --disable-dco --duplicate-cn \
        --keepalive 1 3
    openvpn_client one
    upgrade
    has_log 'generation 1: keeps 1 datagram peer, '
    has_heard one 1
    wait_until -t 60 has_heard one "$(($(count_log 'UDPv4 READ' log-one) + 6))"
    openvpn_client two
    upgrade
    wait_until -t 60 has_heard two "$(($(count_log 'UDPv4 READ' log-two) + 6))"
    equal "$(count_log 'Inactivity timeout' log-one) $(count_log 'Inactivity timeout' log-two)" "0 0"
    kill -TERM "${VPN_CLIENTS[@]}"
}

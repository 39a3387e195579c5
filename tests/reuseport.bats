#!/usr/bin/env bats
#
# Several sockets on one port, SO_REUSEPORT: each is inherited, and sets may grow and shrink.

load helpers
load listeners

@test "reuseport: two sockets on one port are inherited one by one" {
    set_version v1
    start_server "$TESTS/epoll-level" --reuseport --listen "127.0.0.1:$PORT" \
        --listen "127.0.0.1:$PORT" --version-file "$PWD/version"
    local before
    before=$(ss -Hltne "sport = :$PORT" | grep -o 'ino:[0-9]*' | sort)
    equal "$(wc -l <<<"$before")" 2 "listeners"
    start_load "$PORT" --clients 8
    upgrade v2
    upgrade v3
    stop_load
    equal "$(ss -Hltne "sport = :$PORT" | grep -o 'ino:[0-9]*' | sort)" "$before" "inodes"
}

@test "reuseport: a generation with fewer sockets loses nothing that is queued" {
    set_version v1
    set_options --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT"
    # a worker a socket, busy with one client at a time, for long enough to have a queue of seconds
    TFPRELOAD_EXIT_TIMEOUT=14 start_server "$TESTS/prefork" --reuseport --workers 3 --service-time 100 \
        --version-file "$PWD/version" --options-file "$PWD/options"
    start_load "$PORT" --clients 60 --timeout 20
    wait_until queue_is_longer_than 40
    set_options --listen "127.0.0.1:$PORT"
    upgrade v2
    has_log 'generation 1: retired after [1-9][0-9.]* s' # not before its queues were empty
    stop_load
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 1 "listeners"
}

queue_is_longer_than() {
    (($(ss -Hltn "sport = :$PORT" | awk '{ sum += $2 } END { print sum }') > $1))
}

# has_datagram_sockets COUNT: at PORT
has_datagram_sockets() {
    equal "$(ss -Hlun "sport = :$PORT" | wc -l)" "$1" "datagram sockets"
}

@test "reuseport: the same with datagrams" {
    requires python3
    cat >server.py <<'END'
import ctypes, os, signal, socket, sys, time
workers = int(open("workers").read())
for i in range(workers - 1):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        break
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    question, client = server.recvfrom(100)
    time.sleep(0.05)
    server.sendto(question, client)
END
    cat >clients.py <<'END'
import select, socket, sys
clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(240)]
for client in clients:
    client.connect(("127.0.0.1", int(sys.argv[1])))
    client.send(b"question")
print("asked", flush=True)
while clients and (answered := select.select(clients, [], [], 20)[0]):
    for client in answered:
        client.recv(100)
        clients.remove(client)
print(len(clients), "without an answer")
END
    echo 3 >workers
    start_server python3 server.py "$PORT"
    wait_until has_datagram_sockets 3
    start python3 clients.py "$PORT"
    STARTED+=("$PID")
    wait_for_log asked "$OUT"
    echo 1 >workers
    kill -HUP "${STARTED[0]}"
    wait_retired 1
    wait_for_log '^0 without an answer' "$OUT"
}

@test "reuseport: a generation with more sockets binds the rest afresh" {
    set_version v1
    set_options --listen "127.0.0.1:$PORT"
    start_server "$TESTS/epoll-level" --reuseport --version-file "$PWD/version" \
        --options-file "$PWD/options"
    start_load "$PORT" --clients 8
    set_options --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT"
    upgrade v2
    stop_load
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 2 "listeners"
}

# set_serves ANSWERS KIND HOST: who in the set answers, of many clients
set_serves() {
    equal "$(python3 "$PROGRAMS/reuseport_set.py" ask "$2" "$3" "$PORT" 60)" "$1" "who answers"
}

# start_set MEMBERS KIND HOST
start_set() {
    echo "$1" >members
    touch go
    start_server python3 "$PROGRAMS/reuseport_set.py" serve "$2" "$3" "$PORT"
}

# begin_to_start_set MEMBERS: an upgrade whose new generation has bound that many and does no more
begin_to_start_set() {
    echo "$1" >members
    rm go
    kill -HUP "$PID"
    wait_for_log "^bound $1\$" "$OUT"
}

# set_grows KIND HOST: an upgrade that fails, then one that does not
set_grows() {
    requires python3
    start_set 2 "$@"
    begin_to_start_set 6
    set_serves "0/2 1/2" "$@"
    echo fail >go
    wait_for_log 'generation 2: upgrade failed'
    set_serves "0/2 1/2" "$@"
    begin_to_start_set 5
    set_serves "0/2 1/2" "$@"
    touch go
    wait_retired 1
    wait_until set_serves "0/5 1/5 2/5 3/5 4/5" "$@"
}

@test "reuseport: a TCP socket that is added gets no client before its generation is ready" {
    set_grows tcp 127.0.0.1
}

@test "reuseport: the same over IPv6" {
    set_grows tcp ::1
}

@test "reuseport: the same with UDP" {
    set_grows udp 127.0.0.1
}

@test "reuseport: the same with UDP over IPv6" {
    set_grows udp ::1
}

@test "reuseport: a program of the server's own that distributes clients stays" {
    requires python3
    echo 1 >steer
    start_set 2 tcp 127.0.0.1
    set_serves 1/2 tcp 127.0.0.1
    rm steer
    begin_to_start_set 4
    set_serves 1/2 tcp 127.0.0.1
    touch go
    wait_retired 1
    set_serves 1/4 tcp 127.0.0.1
}

# shrink_set MEMBERS: an upgrade
shrink_set() {
    echo "$1" >members
    kill -HUP "${STARTED[0]}"
    wait_retired 1
}

@test "reuseport: a set of TCP sockets that shrinks keeps no client waiting" {
    requires python3
    # a queue that is never found empty counts after half of it
    TFPRELOAD_EXIT_TIMEOUT=10 start_set 4 tcp 127.0.0.1
    start python3 "$PROGRAMS/reuseport_set.py" load tcp 127.0.0.1 "$PORT"
    wait_for_log asking "$OUT"
    shrink_set 1
    touch enough
    wait_gone "$PID"
    has_log '^0 had to send again' "$OUT"
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 1 "listeners"
}

@test "reuseport: a set of UDP sockets that shrinks loses no datagram" {
    requires python3
    start_set 4 udp 127.0.0.1
    start "$TESTS/udp-load" 127.0.0.1 "$PORT" 16 60
    wait_until grep -q . "$LOG"
    shrink_set 1
    wait_generation_gone 1 # not before the time of an answer that is lost is up
    kill -INT "$PID"
    wait_gone "$PID"
    has_log 'lost 0 wrong' "$OUT"
}

@test "reuseport: a set shrinks, and grows again while it does" {
    requires python3
    # a queue that is never found empty counts after half of it
    TFPRELOAD_EXIT_TIMEOUT=10 start_set 4 tcp 127.0.0.1
    start python3 "$PROGRAMS/reuseport_set.py" load tcp 127.0.0.1 "$PORT"
    wait_for_log asking "$OUT"
    echo 2 >members
    kill -HUP "${STARTED[0]}"
    wait_ready 2
    echo 5 >members
    kill -HUP "${STARTED[0]}"
    wait_ready 3
    wait_retired 1
    wait_retired 2
    touch enough
    wait_gone "$PID"
    has_log 'had to send again' "$OUT" # all have been answered
    wait_until set_serves "0/5 1/5 2/5 3/5 4/5" tcp 127.0.0.1
}

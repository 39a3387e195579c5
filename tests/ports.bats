#!/usr/bin/env bats
#
# Which port a bind gets: one that the kernel has chosen, or that a client binds before it connects.

load helpers
load listeners

# ---- port 0 ----

@test "port 0: the k-th bind gets the k-th port back, and two stay two" {
    start_server "$TESTS/poll" --listen 127.0.0.1:0 --listen 127.0.0.1:0 --print-port
    equal "$(sort -u "$OUT" | grep -c port)" 2 "different ports"
    cp "$OUT" before
    : >"$OUT"
    upgrade
    wait_until grep -q . "$OUT"
    diff before "$OUT"
    upgrade
    equal "$(tail -n 2 "$OUT")" "$(cat before)" "ports of the third generation"
}

@test "port 0: a client that binds and connects is not given the listener" {
    serve fork
    local server=$PORT port
    PID=
    : >"$LOG"
    start_server "$TESTS/binder" connect "$server"
    wait_for_log "^port" "$OUT"
    port=$(sed -n 's/^port //p' "$OUT")
    : >"$OUT"
    upgrade
    wait_for_log "^port" "$OUT"
    has_log "^client connected" "$OUT"
    equal "$(sed -n 's/^port //p' "$OUT")" "$port" "port of the listener"
}

@test "sockets that their program moves to other numbers before it binds the next one" {
    requires python3
    local other
    other=$(free_port)
    cat >server.py <<'END'
import fcntl, select, socket, sys


def moved(kind, port):
    first = socket.socket(type=kind)
    first.bind(("127.0.0.1", port))
    second = fcntl.fcntl(first, fcntl.F_DUPFD, 50)
    first.close()
    return socket.socket(fileno=second)


sockets = [moved(socket.SOCK_DGRAM, int(port)) for port in sys.argv[1:]]
sockets += [moved(socket.SOCK_STREAM, 0) for _ in range(3)]
for each in sockets[-3:]:
    each.listen()
print(*(each.getsockname()[1] for each in sockets), flush=True)
select.select(sockets, [], [])
END
    start_server python3 server.py "$PORT" "$other"
    upgrade
    upgrade
    equal "$(count_log 'started, pid [0-9]+, with 5 inherited listeners$')" 2 "upgrades with all"
    equal "$(sort "$OUT" | uniq -c | wc -l)" 1 "different sets of ports"
}

# ---- clients that are bound before they connect ----

# binder_beside MODE PORT TARGET: its first generation has come; what it printed is in `first`
binder_beside() {
    : >"$LOG"
    PID=
    start_server "$TESTS/binder" "$@"
    wait_for_log '^port' "$OUT"
    cp "$OUT" first
    : >"$OUT"
}

# binder_upgrade: what the next generation printed is in OUT
binder_upgrade() {
    : >"$OUT"
    upgrade
    wait_for_log '^port' "$OUT"
}

@test "a client that is bound to the service's port gets that port, and not the listener" {
    local target=$PORT port
    serve fork
    port=$(free_port)
    binder_beside client "$port" "$target"
    equal "$(cat first)" "client from $port"$'\n'"port $port"
    for _ in 2 3; do
        binder_upgrade
        diff first "$OUT"
    done
    has_log 'generation 3: started, pid [0-9]+, with 1 inherited listener$'
    equal "$(cat <"/dev/tcp/127.0.0.1/$port")" "$(first_pid 3)" "who answers"
}

@test "a client whose port is still connected in the old generation connects from another" {
    local target=$PORT port mode
    serve fork
    for mode in kept shared; do
        port=$(free_port)
        binder_beside "$mode" "$port" "$target"
        binder_upgrade
        has_log '^client from [0-9]+$' "$OUT"
        refute grep -x "client from $port" "$OUT"
        has_log "^port $port\$" "$OUT"
        equal "$(cat <"/dev/tcp/127.0.0.1/$port")" "$(first_pid 2)" "who answers"
        kill -TERM "$PID"
        wait_end
    done
}

# udp_client PORT: in both generations the client is one, and the service the same
udp_client() {
    local target=$PORT port
    set_version v1
    start_server "$TESTS/udp-server" -4 "$target" "$PWD/version"
    binder_beside udp "$1" "$target"
    port=$(sed -n 's/^port //p' first)
    binder_upgrade
    has_log "^port $port\$" "$OUT"
    has_log 'generation 2: started, pid [0-9]+, with 1 inherited listener$'
    exec {KEPT}<>"/dev/udp/127.0.0.1/$port"
    KEPT_ALL+=("$KEPT")
    echo question >&"$KEPT"
    equal "$(timeout "$PATIENCE" dd bs=100 count=1 status=none <&"$KEPT")" "$(first_pid 2)" \
        "who answers"
}

@test "udp: a client that is bound to port 0 is not given the service" {
    udp_client 0
    refute diff first "$OUT" # another port for each client
}

@test "udp: a client that is bound to the service's port gets that port, and not the service" {
    udp_client "$(free_port)"
    diff first "$OUT"
}

@test "a listener that is closed and bound again in the same generation" {
    start_server "$TESTS/binder" reopen "$PORT"
    upgrade
    upgrade
    equal "$(count_log "^port $PORT" "$OUT")" 3 "generations that listened"
}

@test "an address that a new version only tries is left to the old one, with its queue" {
    requires python3
    local tried answer
    tried=$(free_port)
    cat >server.py <<'END'
import os, select, socket, sys
version, ports = open("version").read().strip(), [int(port) for port in sys.argv[1:]]


def bound(port):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    return one


if version == "v2":
    bound(ports.pop()).close()
listeners = [bound(port) for port in ports]
for each in listeners:
    each.listen(16)
while True:
    served = listeners if os.path.exists("go") else listeners[:1]
    for each in select.select(served, [], [], 0.02)[0]:
        with each.accept()[0] as client:
            client.sendall(f"{version}\n".encode())
END
    set_version v1
    start_server python3 server.py "$PORT" "$tried"
    keep "$tried"
    set_version v2
    kill -HUP "$PID"
    wait_ready 2
    wait_for_log "generation 2: does not listen on 127.0.0.1:$tried any more"
    touch go
    IFS= read -rt "$PATIENCE" -u "$KEPT" answer || fail "who waited in the queue got no answer"
    equal "$answer" v1
    wait_retired 1
}

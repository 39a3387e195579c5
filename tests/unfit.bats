#!/usr/bin/env bats
# Programs that tfpreload cannot act on: said in one line, and the server runs.

load helpers

static_server() {
    requires cc
    cc -static -D_GNU_SOURCE -std=c11 -I"$ROOT/tests/servers" -o server \
        "$ROOT"/tests/servers/poll.c "$ROOT"/tests/servers/common*.c -pthread 2>cc.log ||
        fail "cannot build a static server: $(cat cc.log)"
}

serves() {
    [[ $(ask "$PORT") == "1 "* ]]
}

@test "a static server: said at its start, and it serves" {
    static_server
    start "$HELPER" --way preload -- ./server --port "$PORT"
    wait_until serves
    has_log "^tfpreload: ./server is statically linked, so tfpreload is not loaded into it"
}

@test "a static server below a shell: said at the end of the ready timeout" {
    static_server
    start "$HELPER" --ready-timeout 0.5 -- sh -c "./server --port $PORT; exit 7"
    wait_until serves
    wait_for_log "^tfpreload: process [0-9]+, .*/server, is statically linked"
    equal "$(count_log 'is statically linked')" 1 "lines"
    kill "$(pgrep -P "$(children "$PID" | tr -d ' ')")"
    wait_end
    equal "$STATUS" 7
}

@test "a set-user-ID program: said at its start, and it runs" {
    requires root
    cp "$(command -v sleep)" sleeper
    chown 65534 sleeper
    chmod 4755 sleeper
    start "$HELPER" -- ./sleeper 0.1
    wait_end
    equal "$STATUS" 0
    has_log "^tfpreload: ./sleeper is set-user-ID or set-group-ID"
}

# file_capabilities: a program that has some, for a user that does not
file_capabilities() {
    requires root setcap setpriv
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" .
    cp "$(command -v sleep)" sleeper
    cp "$HELPER" "$LIBRARY" .
    setcap cap_net_bind_service+ep sleeper || skip "no file capabilities in this file system"
    unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

@test "a program with file capabilities: said at its start, and it runs" {
    file_capabilities
    start "${unprivileged[@]}" "$PWD/tfhelper" -- "$PWD/sleeper" 0.1
    wait_end
    equal "$STATUS" 0
    has_log "^tfpreload: $PWD/sleeper has file capabilities, so tfpreload is not loaded into it"
}

@test "a program with file capabilities below a shell: said at the end of the ready timeout" {
    file_capabilities
    start "${unprivileged[@]}" "$PWD/tfhelper" --ready-timeout 0.5 -- \
        sh -c "'$PWD/sleeper' 1000; exit 7"
    wait_for_log "^tfpreload: process [0-9]+, sleeper, has gained privileges, so tfpreload is not"
    equal "$(count_log 'has gained privileges')" 1 "lines"
    kill "$(pgrep -P "$(children "$PID" | tr -d ' ')")"
    wait_end
    equal "$STATUS" 7
}

# ---- beside a server that is ready ----

@test "a static server beside one that is ready: said at the end of the ready timeout, and no upgrade" {
    local other

    static_server
    other=$(free_port)
    start "$HELPER" --ready-timeout 2 -- \
        sh -c "./server --port $other & exec '$TESTS/poll' --port $PORT --version v1"
    wait_ready 1
    has_no_log statically
    wait_for_log "^tfpreload: process [0-9]+, .*/server, is statically linked, so tfpreload is not loaded"
    upgrade_fails "process [0-9]+, .*/server, is statically linked, so that its listener on 127.0.0.1:$other cannot be inherited; generation 1 serves on"
    serves_version "$other" 1
    serves_version "$PORT" v1
    kill "$(sed -n 's/^tfpreload: process \([0-9]*\),.*/\1/p' "$LOG")"
}

@test "a program without LD_PRELOAD that shares the listener: said, and the others are upgraded" {
    requires python3
    cat >server.py <<'END'
import os, socket, sys
child = """
import socket, sys
socket.socket(fileno=int(sys.argv[1])).accept()
"""
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(9)
if os.fork() == 0:
    listener.set_inheritable(True)
    os.execve(sys.executable, [sys.executable, "-c", child, str(listener.fileno())], {"LD_PRELOAD": ""})
while True:
    client, _ = listener.accept()
    client.close()
END
    TFPRELOAD_READY_TIMEOUT=8 start_server python3 server.py "$PORT"
    wait_for_log '^tfpreload: process [0-9]+, .*python.*, was executed without LD_PRELOAD, so tfpreload'
    upgrade
}

# back_end_server PATH: listens there, or at a port of 127.0.0.1 if that is a number, or has a datagram
# socket at one after "udp:"; and starts a back end there without LD_PRELOAD, which it does not need itself, as mod_fcgid does
back_end_server() {
    requires python3
    cat >server.py <<'END'
import os, socket, subprocess, sys
port, where = sys.argv[1:]
where = where.replace("PID", str(os.getpid()))
back = None
if where.startswith("udp:"):
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    back.bind(("127.0.0.1", int(where[4:])))
elif where.isdigit():
    try:
        back = socket.create_server((os.environ.get("BACK_ADDRESS", "127.0.0.1"), int(where)))
    except OSError: # it would go on without
        back = socket.socket()
else:
    back = socket.socket(socket.AF_UNIX)
    back.bind(where)
    back.listen(5)
child = """
import ctypes, os, signal, socket, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]):
    sys.exit()
back = socket.socket(fileno=0)
while True:
    back.accept()[0].close() if back.type == socket.SOCK_STREAM else back.recv(100)
"""
kept = {"TFP_TEST_ID": os.environ["TFP_TEST_ID"]}
subprocess.Popen([sys.executable, "-c", child, str(os.getpid())], stdin=back, env=kept)
back.close()
listener = socket.create_server(("127.0.0.1", int(port)))
while True:
    client, _ = listener.accept()
    token = client.recv(100).split()[1].decode()
    client.sendall(b"1 %d %s\n" % (os.getpid(), token.encode()))
    client.close()
END
    start_server python3 server.py "$PORT" "$1"
}

@test "a back end without LD_PRELOAD that was given a path of its own: no upgrade minds it" {
    back_end_server "$PWD/PID.socket"
    upgrade
    upgrade
    equal "$(ask "$PORT")" "1 $(first_pid 3) token"
    wait_generation_gone 1
    has_no_log 'not gone'
}

@test "a back end without LD_PRELOAD at a path that its successor needs, too: that one fails" {
    back_end_server "$PWD/socket"
    upgrade_fails 'was executed without LD_PRELOAD, so that its listener on .*/socket cannot be inherited'
    equal "$(ask "$PORT")" "1 $(first_pid 1) token"
}

@test "a back end without LD_PRELOAD at a port that the kernel has chosen: no upgrade minds it" {
    back_end_server 0
    upgrade
    upgrade
    equal "$(ask "$PORT")" "1 $(first_pid 3) token"
}

@test "a back end without LD_PRELOAD at a port that its successor needs, too: that fails, who would do without it as well" {
    local address

    for address in 127.0.0.1 ''; do
        LOG=$BATS_TEST_TMPDIR/log-$address
        PORT=$(free_port)
        BACK_ADDRESS=$address back_end_server "$(free_port)"
        upgrade_fails 'was executed without LD_PRELOAD, so that its listener on [0-9.]+:[0-9]+ cannot be inherited'
        has_no_log 'Address already in use'
        equal "$(ask "$PORT")" "1 $(first_pid 1) token"
    done
}

@test "a back end without LD_PRELOAD that was given a datagram socket: bind() decides" {
    local port

    port=$(free_port)
    back_end_server "udp:$port"
    upgrade_fails 'exited with status 1'
    has_log 'Address already in use'
    equal "$(ask "$PORT")" "1 $(first_pid 1) token"
    LOG=$BATS_TEST_TMPDIR/log-other
    PORT=$(free_port)
    back_end_server udp:0
    upgrade
}

@test "a program that gets LD_PRELOAD alone, as from lighttpd's mod_cgi: the server is upgraded" {
    requires python3
    cat >server.py <<'END'
import os, socket, subprocess, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(9)
kept = {name: os.environ[name] for name in ("LD_PRELOAD", "PATH", "TFP_TEST_ID")}
subprocess.Popen(["sh", "-c", "echo runs; until [ -e over ]; do sleep 0.1; done"], env=kept)
while True:
    client, _ = listener.accept()
    client.close()
END
    start_server python3 server.py "$PORT"
    wait_for_log '^runs' "$OUT"
    upgrade
    wait_generation_gone 1
    touch over
}

# ---- another libc ----

musl_server() {
    requires musl-gcc
    musl-gcc -D_GNU_SOURCE -std=c11 -I"$ROOT/tests/servers" -o server \
        "$ROOT"/tests/servers/poll.c "$ROOT"/tests/servers/common*.c -pthread 2>cc.log ||
        fail "cannot build a server with musl: $(cat cc.log)"
}

@test "a server of another libc: said at its start by tfhelper, and it serves" {
    musl_server
    start "$HELPER" --way preload -- ./server --port "$PORT"
    wait_until serves
    equal "$(cat "$LOG")" "tfpreload: ./server is of another libc than tfpreload, \
so tfpreload is not loaded into it, and it cannot be upgraded"
}

@test "a server of another libc, LD_PRELOAD alone: said at its start, and it serves" {
    musl_server
    start_with_library ./server --port "$PORT"
    wait_until serves
    equal "$(cat "$LOG")" \
        "tfpreload: ./server is of another libc than tfpreload; running without upgrades"
}

@test "a server of another libc below a shell: said at the end of the ready timeout" {
    musl_server
    start "$HELPER" --ready-timeout 0.5 -- sh -c "./server --port $PORT; exit 7"
    wait_until serves
    wait_for_log "^tfpreload: process [0-9]+, .*/server, is of another libc"
    equal "$(count_log 'another libc')" 1 "lines"
    kill "$(pgrep -P "$(children "$PID" | tr -d ' ')")"
    wait_end
    equal "$STATUS" 7
}

@test "a dynamic program: nothing is said" {
    start "$HELPER" -- sleep 0.1
    wait_end
    has_no_log "^tfpreload:"
}

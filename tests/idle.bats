#!/usr/bin/env bats
#
# TFPRELOAD_IDLE: connections on which nothing goes on do not hold an old generation up.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

@test "close: the server reads end-of-file, and closes in its own way" {
    local server

    export TFPRELOAD_IDLE=close:0.5
    for server in "${SERVERS[@]}"; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$server
        set_version v1
        serve "$server"
        keep "$PORT"
        ask_kept >/dev/null
        upgrade v2
        kept_has_ended
        wait_generation_gone 1
        has_log 'generation 1: drained after'
        has_no_log 'exit timeout with'
        close_kept
        kill -TERM "$PID"
        wait_end
    done
}

@test "close: who asks now and then stays, and a long answer is waited for" {
    local asking answer

    export TFPRELOAD_IDLE=close:2
    set_version v1
    serve thread --service-time 5000
    keep "$PORT"
    echo 'GET slow' >&"$KEPT"
    asking=$KEPT
    # accepted, and read
    wait_until queue_has "$PORT" 0
    upgrade v2
    IFS= read -rt "$PATIENCE" -u "$asking" answer || fail 'cut in the middle of a request'
    [[ $answer == "v1 "*" slow" ]] || fail "$answer"
    kept_has_ended "$asking"
    wait_generation_gone 1
    has_no_log 'exit timeout with'
}

@test "close: at the exit timeout a connection that is never quiet is closed between two requests" {
    requires python3
    export TFPRELOAD_IDLE=close:60 TFPRELOAD_EXIT_TIMEOUT=1 TFPRELOAD_STOP_TIMEOUT=20
    set_version v1
    serve thread --service-time 20
    python3 - "$PORT" >asked 2>&1 <<'END' 3>&- &
import select, socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.settimeout(20)
print("begins", flush=True)
while not select.select([connection], [], [], 0.2)[0]: # or a request may cross the end
    connection.sendall(b"GET again\n")
    answer = b""
    while not answer.endswith(b"\n"):
        part = connection.recv(100)
        if not part:
            sys.exit("cut in the middle of a request")
        answer += part
assert connection.recv(100) == b""
print("closed between two requests")
END
    STARTED+=("$!")
    wait_for_log begins asked
    upgrade v2
    wait_for_log 'closed|cut|Error' asked
    has_log '^closed between two requests$' asked
    wait_generation_gone 1
    has_no_log 'exit timeout with'
}

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
    start "$HELPER" -- ./server --port "$PORT"
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

@test "a dynamic program: nothing is said" {
    start "$HELPER" -- sleep 0.1
    wait_end
    has_no_log "^tfpreload:"
}

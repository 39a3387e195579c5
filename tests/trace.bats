#!/usr/bin/env bats
#
# Programs that no library reaches are watched from outside, and upgraded like all others.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# The test servers as static programs, and one in Go, built once.
setup_file() {
    local name compiler=cc

    [[ -z $(type -P musl-gcc) ]] || compiler=musl-gcc
    export STATIC=$BATS_FILE_TMPDIR GOCACHE=$BUILD/go-cache GOFLAGS=-buildvcs=false
    for name in epoll-level epoll-edge epoll-threads thread poll select fork prefork; do
        "$compiler" -static -D_GNU_SOURCE -std=c11 -I"$ROOT/tests/servers" -o "$STATIC/$name" \
            "$ROOT/tests/servers/$name.c" "$ROOT"/tests/servers/common*.c -pthread 2>>"$STATIC/cc.log" || true
    done
    # liburing has inline functions that ISO C has no words for
    cc -D_GNU_SOURCE -std=gnu11 -I"$ROOT/tests/servers" -o "$STATIC/ring" "$ROOT/tests/rings/ring.c" \
        "$ROOT"/tests/servers/common*.c -pthread -luring 2>>"$STATIC/cc.log" || true
    [[ -z $(type -P go) ]] ||
        CGO_ENABLED=0 GO111MODULE=off go build -o "$STATIC/http-server" "$PROGRAMS/http-server.go"
}

# serve_static NAME [OPTION]...: as serve() does, without any library
serve_static() {
    local name=$1

    shift
    [[ -x $STATIC/$name ]] || skip "no static programs can be built here"
    [[ -e version ]] || set_version v1
    start "$HELPER" -- "$STATIC/$name" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options" "$@"
    wait_ready 1
}

upgrades_under_load() {
    local name=$1 number

    serve_static "$name" --workers 12
    has_log "^tfpreload: $STATIC/$name is statically linked, so nothing is preloaded: it is watched from outside"
    start_load "$PORT" --clients 4 --kept 4 --kept-interval 10 --kept-life 0.5
    for number in {2..11}; do
        upgrade "v$number"
        serves_version "$PORT" "v$number"
    done
    for number in {1..10}; do
        wait_generation_gone "$number"
    done
    stop_load
    equal "$(load_value versions)" 11 "versions seen by the load"
    has_no_log 'exit timeout|killed|has not given up|not gone|failed'
}

# ---- every way to wait for clients ----

@test "trace: epoll-level: ten upgrades under load lose nothing" {
    upgrades_under_load epoll-level
}

@test "trace: epoll-edge: ten upgrades under load lose nothing" {
    upgrades_under_load epoll-edge
}

@test "trace: epoll-threads, which arm their listener anew each time: ten upgrades under load lose nothing" {
    upgrades_under_load epoll-threads
}

@test "trace: thread, blocked in accept(): ten upgrades under load lose nothing" {
    upgrades_under_load thread
}

@test "trace: poll: ten upgrades under load lose nothing" {
    upgrades_under_load poll
}

@test "trace: select: ten upgrades under load lose nothing" {
    upgrades_under_load select
}

@test "trace: fork: ten upgrades under load lose nothing" {
    upgrades_under_load fork
}

@test "trace: prefork: ten upgrades under load lose nothing" {
    upgrades_under_load prefork
}

# Who is looked at never waits for a client: there are more of them than workers.
@test "trace: prefork, with every worker busy: it has taken clients, so it is ready" {
    serve_static prefork --workers 2
    start_load "$PORT" --clients 8 --kept 4 --kept-interval 10 --kept-life 0.5
    upgrade v2
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
    stop_load
}

# ---- an upgrade in its steps ----

@test "trace: a kept connection outlives an upgrade, and the old one is drained" {
    serve_static epoll-level
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    wait_for_log '^tfpreload: generation 1: draining 1 connection, for at most'
    [[ $(ask_kept) == "v1 "* ]]
    serves_version "$PORT" v2
    close_kept
    wait_generation_gone 1
}

@test "trace: a thread in accept() sleeps on in an old generation that drains" {
    serve_static thread
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    serves_version "$PORT" v2
    [[ $(ask_kept) == "v1 "* ]]
    close_kept
    wait_generation_gone 1
    has_no_log '^accept'
}

@test "trace: a release that crashes: the old generation serves on" {
    serve_static epoll-level
    start_load "$PORT" --clients 4
    set_options --crash
    upgrade_fails 'was killed by SIG'
    set_options --exit-after-listen 3
    upgrade_fails 'exited with status 3'
    serves_version "$PORT" v1
    set_options
    upgrade v2
    serves_version "$PORT" v2
    stop_load
}

@test "trace: a release that never accepts: the ready timeout, and nobody has waited for it" {
    serve_static epoll-level
    start_load "$PORT" --clients 4
    kill -TERM "$PID"
    wait_end
    kill -TERM "$LOAD_PID"
    wait_gone "$LOAD_PID"
    LOAD_PID=
    : >"$LOG"
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 2) serve_static epoll-level
    start_load "$PORT" --clients 4
    set_options --hang
    upgrade_fails 'not ready within the ready timeout'
    serves_version "$PORT" v1
    stop_load
}

# overlaps_not NAME: nor does what is started again after a release that is of another kind, and fails
overlaps_not() {
    local version

    [[ -x $STATIC/$1 ]] || skip "no static programs can be built here"
    set_version v1
    cp "$STATIC/$1" server
    start "$HELPER" -- ./server --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    start_load "$PORT" --clients 4
    for version in v2 v3; do
        set_version "$version"
        run -0 "$HELPER" upgrade "$PID"
        serves_version "$PORT" "$version"
    done
    equal "$(grep -Eo 'generation ([12]: gone|[23]: started)' "$LOG" | paste -sd,)" \
        'generation 1: gone,generation 2: started,generation 2: gone,generation 3: started' order
    mv server away
    printf '%s\n' '#!/bin/sh' 'exit 2' >server
    chmod +x server
    run -1 "$HELPER" upgrade "$PID"
    wait_ready 5
    serves_version "$PORT" v3
    mv away server
    run -0 "$HELPER" upgrade "$PID"
    serves_version "$PORT" v3
    stop_load
    equal "$(grep -Eo 'generation 5: gone|generation 6: started' "$LOG" | paste -sd,)" \
        'generation 5: gone,generation 6: started' order
}

@test "trace: TFPRELOAD_OVERLAP=no, threads in accept: the old one is gone before the new one starts" {
    TFPRELOAD_OVERLAP=no TFPRELOAD_EXIT_TIMEOUT=5 overlaps_not thread
}

@test "trace: TFPRELOAD_OVERLAP=no, an event loop: the same" {
    TFPRELOAD_OVERLAP=no TFPRELOAD_EXIT_TIMEOUT=5 overlaps_not epoll-level
}

# rolls_back: what serves v1 serves again when v2 is killed, and its clients have noticed nothing
rolls_back() {
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    serves_version "$PORT" v2
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v3
    serves_version "$PORT" v3
}

@test "trace: a generation that is killed after it was ready is rolled back: epoll" {
    serve_static epoll-level
    rolls_back
}

@test "trace: a generation that is killed after it was ready is rolled back: accept()" {
    serve_static thread
    rolls_back
}

@test "trace: a generation that is killed after it was ready is rolled back: poll" {
    serve_static poll
    rolls_back
}

@test "trace: rolled back while the old generation is stopped: it has its listeners when it goes on" {
    serve_static epoll-level
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    kill -STOP "$(first_pid 1)"
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 2: rolled back: '
    exec 8<>"/dev/tcp/127.0.0.1/$PORT"
    echo 'GET waited' >&8
    wait_until queue_has "$PORT" 1
    has_no_log 'serves again'
    kill -CONT "$(first_pid 1)"
    IFS= read -rt "$PATIENCE" -u 8 answer
    exec 8>&-
    [[ $answer == 'v1 '*' waited' ]]
}

@test "trace: tfhelper stop finishes the connections" {
    serve_static poll
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    (
        close_kept
        exec "$HELPER" stop "$PID" >stop.out
    ) &
    wait_for_log 'finishes its connections'
    wait_until refuses "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    close_kept
    wait_end
}

@test "trace: descriptors of the helper, and processes, are none the more after ten upgrades" {
    local before number

    serve_static epoll-level
    upgrade v2
    wait_generation_gone 1
    before=$(steady_descriptors "$PID" | wc -l)
    for number in {3..11}; do
        upgrade "v$number"
        wait_generation_gone "$((number - 1))"
    done
    equal "$(steady_descriptors "$PID" | wc -l)" "$before" "descriptors"
    # the server, and who lets its calls pass should the helper be killed
    wait_until equal "$(children "$PID" | wc -w)" 2
}

# ---- what it listens on ----

# upgrades_on_path PATH OPTION...: a static server on this unix socket, under load
upgrades_on_path() {
    local number

    [[ -x $STATIC/epoll-edge ]] || skip "no static programs can be built here"
    set_version v1
    start "$HELPER" -- "$STATIC/epoll-edge" --unix "$1" --version-file "$PWD/version"
    wait_ready 1
    rm -f load-ready
    mkfifo load-ready
    "$TESTS/load" --path "$1" --clients 8 --kept 4 --kept-life 1 --duration 60 --json --ready-fd 9 \
        >load.json 2>load.log 3>&- 9>load-ready &
    LOAD_PID=$!
    IFS= read -rt "$PATIENCE" <load-ready
    for number in {2..6}; do
        upgrade "v$number"
    done
    stop_load
    "$TESTS/load" --path "$1" --clients 1 --duration 0.3 --json >load.json
    equal "$(load_value last_version)" v6 "version"
}

@test "trace: a unix path, which an old generation does not remove, and the last one does" {
    upgrades_on_path "$PWD/socket"
    wait_generation_gone 5
    [[ -S socket ]] || fail "an old generation has removed the path"
    kill -TERM "$PID"
    wait_end
    [[ ! -e socket ]] || fail "the path is left, which the server would have removed"
}

# inode_of_name NAME: of the listener with this abstract name
inode_of_name() {
    awk -v name="@$1" '$8 == name && $4 == "00010000" { print $7 }' /proc/net/unix
}

@test "trace: a unix socket with an abstract name stays the same" {
    local name=tfpreload-test-$TFP_TEST_ID inode

    [[ -x $STATIC/epoll-level ]] || skip "no static programs can be built here"
    start "$HELPER" -- "$STATIC/epoll-level" --unix "@$name"
    wait_ready 1
    inode=$(inode_of_name "$name")
    [[ -n $inode ]] || fail "nobody listens"
    upgrade
    equal "$(inode_of_name "$name")" "$inode" "inode of the listener"
}

@test "trace: a Go server on a unix path, which its end does not remove" {
    [[ -x $STATIC/http-server ]] || skip "go is missing"
    set_version v1
    start "$HELPER" -- "$STATIC/http-server" --listen "unix:$PWD/socket" --version-file "$PWD/version"
    wait_ready 1
    upgrade v2
    wait_generation_gone 1
    [[ -S socket ]] || fail "the old generation has removed the path"
    upgrade v3
    [[ $(load_from_path) == v3 ]] || fail "v3 does not answer"
}

# The first word of an HTTP answer on ./socket.
load_from_path() {
    python3 -c '
import socket
connection = socket.socket(socket.AF_UNIX)
connection.connect("socket")
connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
answer = b""
while part := connection.recv(4096):
    answer += part
print(answer.split(b"\r\n\r\n")[1].split()[0].decode())'
}

@test "trace: port 0: the k-th bind gets the k-th port back" {
    [[ -x $STATIC/poll ]] || skip "no static programs can be built here"
    start "$HELPER" -- "$STATIC/poll" --listen 127.0.0.1:0 --listen 127.0.0.1:0 --print-port
    wait_ready 1
    equal "$(sort -u "$OUT" | grep -c port)" 2 "different ports"
    cp "$OUT" before
    : >"$OUT"
    upgrade
    wait_until grep -q . "$OUT"
    diff before "$OUT"
}

@test "trace: SO_REUSEPORT: a set is inherited one by one" {
    [[ -x $STATIC/epoll-level ]] || skip "no static programs can be built here"
    set_version v1
    start "$HELPER" -- "$STATIC/epoll-level" --reuseport --listen "127.0.0.1:$PORT" \
        --listen "127.0.0.1:$PORT" --version-file "$PWD/version"
    wait_ready 1
    start_load "$PORT" --clients 8
    upgrade v2
    upgrade v3
    has_log 'generation 3: started, pid [0-9]+, with 2 inherited listeners'
    serves_version "$PORT" v3
    stop_load
}

@test "trace: Go, MPTCP or not: a wildcard that serves IPv6 and IPv4" {
    [[ -x $STATIC/http-server ]] || skip "go is missing"
    set_version v1
    GODEBUG=multipathtcp=1 start "$HELPER" -- "$STATIC/http-server" --listen ":$PORT" --version-file "$PWD/version"
    wait_ready 1
    start_load "$PORT" --protocol http --clients 4
    upgrade v2
    gets v2
    [[ $(get "$PORT" ::1) == "v2 "* ]] || fail "got '$(get "$PORT" ::1)' over IPv6"
    stop_load
}

# udp_upgrades OPTION...: a datagram server whose clients ask all the time
udp_upgrades() {
    local status=0 number

    set_version v1
    TFPRELOAD_WAY=trace start "$HELPER" -- "$TESTS/udp-server" "$@" "$PORT" "$PWD/version"
    wait_ready 1
    "$TESTS/udp-load" 127.0.0.1 "$PORT" 16 60 >udp.out 2>log-versions 3>&- &
    LOAD_PID=$!
    for number in 2 3 4; do
        upgrade "v$number"
        wait_for_log "^version v$number\$" log-versions
    done
    wait_generation_gone 3 # until then they may owe answers
    kill -INT "$LOAD_PID"
    wait_gone "$LOAD_PID"
    wait "$LOAD_PID" || status=$?
    LOAD_PID=
    equal "$status" 0 "status of the UDP load, which says $(<udp.out)"
    [[ $(<udp.out) == *"lost 0 wrong 0"*"versions 4" ]] || fail "$(<udp.out)"
}

@test "trace: UDP: a server that blocks in recvfrom" {
    udp_upgrades -4
}

# Who watches by epoll is on trial before it is ready: its predecessor's answers leave meanwhile, too.
@test "trace: UDP: a server that watches by epoll, and answers a tenth of a second later" {
    udp_upgrades -4 -w -d 100
}

@test "trace: UDP: a server that polls" {
    udp_upgrades -4 -p
}

@test "trace: a daemon: upgraded by tfhelper upgrade" {
    [[ -x $STATIC/epoll-level ]] || skip "no static programs can be built here"
    set_version v1
    start "$HELPER" --way trace -- "$TESTS/daemonize" "$PWD/pid" "$STATIC/epoll-level" --port "$PORT" \
        --version-file "$PWD/version"
    wait_end
    equal "$STATUS" 0 "status of the command"
    wait_ready 1
    start_load "$PORT" --clients 4
    set_version v2
    "$HELPER" upgrade "$(<pid)"
    serves_version "$PORT" v2
    wait_generation_gone 1
    stop_load
    kill -TERM "$(<pid)"
    wait_until none_marked
}

# ---- which way ----

@test "trace: TFPRELOAD_WAY=trace for a dynamic program" {
    [[ -e version ]] || set_version v1
    TFPRELOAD_WAY=trace start "$HELPER" -- "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    refute grep -q libtfpreload "/proc/$(first_pid 1)/maps"
    upgrade v2
    serves_version "$PORT" v2
}

@test "trace: TFPRELOAD_WAY=trace with LD_PRELOAD takes the library out of it, and leaves what is others'" {
    requires cc
    cc -shared -xc - -o libother.so <<<'int other;'
    LD_PRELOAD="$LIBRARY:$PWD/libother.so" TFPRELOAD_WAY=trace start "$TESTS/poll" --port "$PORT" --version v1
    wait_ready 1
    refute grep -q libtfpreload "/proc/$(first_pid 1)/maps"
    grep -q libother "/proc/$(first_pid 1)/maps"
    upgrade
    serves_version "$PORT" v1
}

@test "trace: a static server below a shell, with TFPRELOAD_WAY=trace" {
    [[ -x $STATIC/poll ]] || skip "no static programs can be built here"
    set_version v1
    TFPRELOAD_WAY=trace start "$HELPER" -- \
        sh -c "'$STATIC/poll' --port $PORT --version-file '$PWD/version'; exit 7"
    wait_ready 1
    upgrade v2
    serves_version "$PORT" v2
    wait_generation_gone 1
    kill "$(children "$(first_pid 2)" | tr -d ' ')"
    wait_end
    equal "$STATUS" 7
}

@test "trace: a script whose interpreter is static" {
    [[ -x $STATIC/poll ]] || skip "no static programs can be built here"
    cat >server.c <<'END'
#include <unistd.h>
/* argv[1] is the script */
int main(int argc, char **argv) { return argc > 2 ? execv(argv[2], argv + 2) : 1; }
END
    cc -static -o interpreter server.c || skip "no static programs can be built here"
    printf '#!%s\n' "$PWD/interpreter" >script
    chmod +x script
    start "$HELPER" -- ./script "$STATIC/poll" --port "$PORT" --version v1
    wait_ready 1
    upgrade
    serves_version "$PORT" v1
}

@test "trace: TFPRELOAD_WAY=preload leaves a static program alone" {
    [[ -x $STATIC/poll ]] || skip "no static programs can be built here"
    TFPRELOAD_WAY=preload start "$HELPER" -- "$STATIC/poll" --port "$PORT"
    wait_for_log 'is statically linked, so tfpreload is not loaded into it'
    wait_until ask "$PORT"
    equal "$(grep '^Seccomp:' "/proc/$(children "$PID" | tr -d ' ')/status" | tr -d '\t')" Seccomp:0
}

@test "trace: from a dynamic program to a static one, and back" {
    [[ -x $STATIC/epoll-level ]] || skip "no static programs can be built here"
    set_version v1
    ln -s "$TESTS/epoll-level" server
    start "$HELPER" -- ./server --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    start_load "$PORT" --clients 4
    ln -sfn "$STATIC/epoll-level" server
    upgrade v2
    serves_version "$PORT" v2
    ln -sfn "$TESTS/epoll-level" server
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 2
    stop_load
}

# ---- whom nobody holds up ----

@test "trace: a user without privileges: no_new_privs, and upgrades" {
    requires root setpriv
    [[ -x $STATIC/epoll-level ]] || skip "no static programs can be built here"
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" . "$STATIC" "$BATS_RUN_TMPDIR/file" 2>/dev/null || true
    cp "$HELPER" tfhelper
    cp "$STATIC/epoll-level" server
    set_version v1
    chmod o+r version
    start setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
        "$PWD/tfhelper" -- ./server --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    equal "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$(first_pid 1)/status")" 1 no_new_privs
    set_version v2
    chmod o+r version
    upgrade
    serves_version "$PORT" v2
}

@test "trace: the helper is killed: nobody is left, whatever the server has forked" {
    serve_static prefork --workers 4
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    kill -KILL "$PID"
    wait_end
    wait_until none_marked
    refuses "$PORT"
    rm -f "$LOG"
    serve_static prefork
}

@test "trace: the helper is killed while the server waits for its answer: nobody is left" {
    serve_static prefork
    set_options --listen-delay 100 --listen "127.0.0.1:$(free_port)"
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -KILL "$PID"
    wait_end
    wait_until none_marked
    refuses "$PORT"
}

@test "trace: helper and guard are killed: whoever is left can bind and listen" {
    requires python3
    local guard server
    cat >server.py <<'END'
import os, socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(9)
if os.fork() == 0:
    while not os.path.exists("go"):
        time.sleep(0.02)
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen(9)
    open("done", "w").close()
    while not os.path.exists("over"):
        time.sleep(0.02)
    sys.exit(0)
while True:
    client, _ = listener.accept()
    client.close()
END
    TFPRELOAD_WAY=trace start "$HELPER" -- python3 server.py "$PORT"
    wait_ready 1
    guard=$(guard_of "$PID")
    server=$(first_pid 1)
    kill -STOP "$PID" # so that it starts no other guard
    kill -KILL "$guard"
    kill -KILL "$PID"
    wait_gone "$PID" "$guard"
    touch go
    wait_until test -e "done"
    touch over
    kill -KILL "$server"
}

@test "trace: a second one who listens to its calls: said, and it runs" {
    [[ -x $STATIC/poll ]] || skip "no static programs can be built here"
    start "$HELPER" --way trace -- "$HELPER" --log error -- "$STATIC/poll" --port "$PORT"
    wait_for_log "^tfpreload: $STATIC/poll cannot be watched from outside: somebody else listens to its system calls already"
    wait_until ask "$PORT"
}

# ---- Go ----

# serve_go [OPTION]...
serve_go() {
    [[ -x $STATIC/http-server ]] || skip "go is missing"
    [[ -e version ]] || set_version v1
    start "$HELPER" -- "$STATIC/http-server" --listen "127.0.0.1:$PORT" --version-file "$PWD/version" "$@"
    wait_ready 1
}

# get PORT [HOST]: the answer to an HTTP request
get() {
    local connection

    exec {connection}<>"/dev/tcp/${2:-127.0.0.1}/$1" || return 1
    printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&"$connection"
    timeout "$PATIENCE" cat <&"$connection" | tail -n 1
    exec {connection}>&-
}

# gets VERSION
gets() {
    [[ $(get "$PORT") == "$1 "* ]] || fail "got '$(get "$PORT")', expected $1"
}

@test "trace: a Go server: ten upgrades under load lose nothing" {
    local number

    serve_go
    has_log "http-server is a Go program, so nothing is preloaded: it is watched from outside"
    start_load "$PORT" --protocol http --clients 4 --kept 4 --kept-interval 10 --kept-life 0.5
    for number in {2..11}; do
        upgrade "v$number"
        gets "v$number"
    done
    stop_load
    has_no_log 'exit timeout|has not given up|not gone|failed'
}

@test "trace: a Go server that listens long before it accepts: clients wait for the old one alone" {
    local longest

    serve_go --init 1s
    wait_until gets v1
    start_load "$PORT" --protocol http --clients 4
    upgrade v2
    wait_until gets v2
    stop_load
    has_log '^tfpreload: generation 2: ready after [1-9]'
    longest=$(load_value max_ms)
    ((${longest%.*} < 900)) || fail "a client has waited $longest ms"
}

@test "trace: a Go server without any client is upgraded all the same" {
    serve_go
    upgrade v2
    gets v2
    wait_generation_gone 1
}

@test "trace: check says which way" {
    [[ -x $STATIC/poll ]] || skip "no static programs can be built here"
    run -0 "$HELPER" check "$STATIC/poll"
    [[ $output == *"can be upgraded"*"is statically linked, so nothing is preloaded: it is watched from outside"* ]] ||
        fail "$output"
}

# ---- io_uring: tests/rings/ring.c ends of any error that is not its client's ----

# serve_ring [WORD]...: how it uses its ring
serve_ring() {
    [[ -x $STATIC/ring ]] || skip "liburing is missing"
    [[ $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null) != 2 ]] || skip "io_uring is disabled here"
    [[ -e version ]] || set_version v1
    RING="$*" start "$HELPER" --way trace -- "$STATIC/ring" --port "$PORT" --version-file "$PWD/version" --strict
    wait_ready 1
}

ring_upgrades_under_load() {
    serve_ring "$@"
    start_load "$PORT" --clients 4 --kept 4 --kept-interval 10 --kept-life 0.5
    for version in v2 v3 v4; do
        upgrade "$version"
        serves_version "$PORT" "$version"
    done
    stop_load
    has_no_log '^ring: |with status 1'
}

@test "trace: io_uring, one accept after the other: upgrades under load lose nothing" {
    ring_upgrades_under_load
}

@test "trace: io_uring, multishot accept: upgrades under load lose nothing" {
    ring_upgrades_under_load multishot
}

@test "trace: io_uring, a ring for one thread alone, which defers its work: upgrades under load lose nothing" {
    ring_upgrades_under_load issuer multishot
}

@test "trace: io_uring, registered listeners: upgrades under load lose nothing" {
    ring_upgrades_under_load registered
}

@test "trace: io_uring, with a thread of the kernel that submits: upgrades under load lose nothing" {
    ring_upgrades_under_load sqpoll
}

@test "trace: io_uring, polls and accept(): upgrades under load lose nothing" {
    ring_upgrades_under_load polls
}

# Its request for a client waits at the listener, whatever the number leads to.
@test "trace: io_uring: a quiet one retires, sees no error, and takes no client any more" {
    serve_ring
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    upgrade v2
    for _ in 1 2 3 4 5 6 7 8; do
        serves_version "$PORT" v2
    done
    [[ $(ask_kept) == "v1 "* ]]
    close_kept
    wait_generation_gone 1
    has_no_log '^ring: |with status 1'
}

@test "trace: io_uring: rolled back, it accepts again, and has seen no error" {
    requires root
    serve_ring
    rolls_back
}

# ---- where a hand is tied ----

# The server enters a filter of its own, so that no call may be injected: it leaves its epoll set.
@test "trace: a server with a seccomp filter of its own retires from its epoll set, and comes back" {
    requires python3
    set_version v1
    cat >server.py <<'END'
import ctypes, os, select, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(99)
listener.setblocking(False)
version = open("version").read().strip()
libc = ctypes.CDLL(None, use_errno=True)
class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_char_p)]
allow = b"\x06\x00\x00\x00\x00\x00\xff\x7f"
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(1, allow)), 0, 0) == 0
waits = select.epoll()
waits.register(listener, select.EPOLLIN)
if os.path.exists("crash"): # on trial: the old one has stepped back
    time.sleep(0.3)
    os._exit(3)
while True:
    for number, _ in waits.poll():
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            continue
        client.settimeout(5)
        word = client.recv(99).decode().split()[-1]
        client.sendall(f"{version} {os.getpid()} {word}\n".encode())
        client.close()
END
    TFPRELOAD_WAY=trace start "$HELPER" -- python3 server.py "$PORT"
    wait_ready 1
    serves_version "$PORT" v1
    touch crash
    upgrade_fails 'exited with status 3'
    serves_version "$PORT" v1
    rm crash
    upgrade v2
    serves_version "$PORT" v2
    wait_generation_gone 1
}

# seize PID: every thread of it is traced by another process, which runs until `over` is there
seize() {
    cat >seize.py <<'END'
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
for thread in os.listdir(f"/proc/{sys.argv[1]}/task"):
    assert libc.ptrace(0x4206, int(thread), 0, 0) == 0 # PTRACE_SEIZE, which stops nobody
open("seized", "w").close()
while not os.path.exists("over"):
    time.sleep(0.02)
END
    python3 seize.py "$1" &
    wait_until test -e seized
}

@test "trace: a thread in accept() that a debugger holds has not retired, and does when it may" {
    requires python3
    serve_static thread
    seize "$(first_pid 1)"
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 1: process [0-9]+ has not given up its listeners after'
    has_no_log 'generation 1: retired'
    touch over
    wait_retired 1
    serves_version "$PORT" v2
}

@test "trace: a process that is not dumpable, without CAP_SYS_PTRACE: said once, and it runs" {
    requires root setpriv python3
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" .
    cp "$HELPER" tfhelper
    cat >server.py <<'END'
import ctypes, socket, sys
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) # PR_SET_DUMPABLE
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(9)
while True:
    client, _ = listener.accept()
    client.close()
END
    chmod o+r server.py
    start setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
        "$PWD/tfhelper" --way trace -- /usr/bin/python3 server.py "$PORT"
    wait_for_log '^tfpreload: generation 1: process [0-9]+ does not let its descriptors be taken: '
    wait_until timeout 5 bash -c "exec 9<>/dev/tcp/127.0.0.1/$PORT"
    equal "$(count_log 'be taken')" 1 "lines"
}

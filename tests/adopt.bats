#!/usr/bin/env bats
#
# tfhelper adopt: a server that runs already, and was never started under tfpreload, is replaced.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load nginx

# Static programs, built once.
setup_file() {
    local name compiler=cc

    [[ -z $(type -P musl-gcc) ]] || compiler=musl-gcc
    export STATIC=$BATS_FILE_TMPDIR GOCACHE=$BUILD/go-cache GOFLAGS=-buildvcs=false
    for name in epoll-level thread; do
        "$compiler" -static -D_GNU_SOURCE -std=c11 -I"$ROOT/tests/servers" -o "$STATIC/$name" \
            "$ROOT/tests/servers/$name.c" "$ROOT"/tests/servers/common*.c -pthread 2>>"$STATIC/cc.log" || true
    done
    [[ -z $(type -P go) ]] ||
        CGO_ENABLED=0 GO111MODULE=off go build -o "$STATIC/http-server" "$PROGRAMS/http-server.go"
}

# run_alone COMMAND...: a server without tfpreload, whose pid is OLD
run_alone() {
    start "$@"
    OLD=$PID
}

# run_server PROGRAM [OPTION]...: one of tests/servers, with its version in a file, until it serves;
# SERVER is how it is started
run_server() {
    [[ -e version ]] || set_version v1
    SERVER=("$@" --port "$PORT" --version-file "$PWD/version" --options-file "$PWD/options" --strict)
    run_alone "${SERVER[@]}"
    wait_until listens
}

listens() {
    ! refuses "$PORT"
}

# adopt [OPTION]...: OLD is to be replaced by SERVER
adopt() {
    start "$HELPER" adopt "$@" "$OLD" -- "${SERVER[@]}"
}

# adopted: the second generation serves, and the one that ran before has retired
adopted() {
    wait_ready 2 || return 1
    wait_retired 1 || return 1
    has_log "^tfpreload: generation 1: process $OLD is not the service any more: its pid is $PID from now on\$"
}

# adopt_fails STATUS PATTERN: in one line, and the running one serves on
adopt_fails() {
    wait_end
    equal "$STATUS" "$1" "exit status"
    has_log "$2"
    refute is_gone "$OLD"
}

# adopted_under_load PROGRAM [OPTION]...: and then upgraded, and stopped, as any service
adopted_under_load() {
    run_server "$@"
    start_load "$PORT" --clients 4 --kept 4 --kept-interval 10 --kept-life 0.5
    set_version v2
    adopt
    adopted
    serves_version "$PORT" v2
    wait_generation_gone 1
    wait_gone "$OLD"
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 2
    stop_load
    equal "$(load_value versions)" 3 "versions seen by the load"
    has_no_log 'exit timeout|killed|has not given up|not gone|failed|cannot'
    "$HELPER" stop "$PID"
    wait_end
}

# ---- every way to wait for clients ----

# bats test_tags=fast
@test "adopt: epoll-level, under load" {
    adopted_under_load "$TESTS/epoll-level"
}

@test "adopt: epoll-edge, under load" {
    adopted_under_load "$TESTS/epoll-edge"
}

@test "adopt: epoll-threads, under load" {
    adopted_under_load "$TESTS/epoll-threads"
}

@test "adopt: thread, blocked in accept(), under load" {
    adopted_under_load "$TESTS/thread"
}

@test "adopt: poll, under load" {
    adopted_under_load "$TESTS/poll"
}

@test "adopt: select, under load" {
    adopted_under_load "$TESTS/select"
}

@test "adopt: fork, a process for each client, under load" {
    adopted_under_load "$TESTS/fork"
}

@test "adopt: prefork, a tree of processes, under load" {
    adopted_under_load "$TESTS/prefork" --workers 12
}

@test "adopt: a static server, which is watched from then on, under load" {
    [[ -x $STATIC/epoll-level ]] || skip "no static programs can be built here"
    adopted_under_load "$STATIC/epoll-level"
}

@test "adopt: a static server, blocked in accept(), under load" {
    [[ -x $STATIC/thread ]] || skip "no static programs can be built here"
    adopted_under_load "$STATIC/thread"
}

# ---- what it listens on, and how it is left ----

@test "adopt: a kept connection is finished by the server that ran before" {
    run_server "$TESTS/epoll-level"
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    set_version v2
    adopt
    adopted
    wait_for_log '^tfpreload: generation 1: draining 1 connection, for at most'
    serves_version "$PORT" v2
    [[ $(ask_kept) == "v1 "* ]]
    "$HELPER" status "$PID" >shown
    grep -qE "^1 +draining .* $OLD\$" shown || fail "$(<shown)"
    close_kept
    wait_gone "$OLD"
}

@test "adopt: a successor that ends while the one before drains is rolled back, and nobody is lost" {
    run_server "$TESTS/epoll-level"
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    set_version v2
    adopt
    adopted
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
    [[ $(ask_kept) == "v1 "* ]]
    close_kept
    upgrade v3
    serves_version "$PORT" v3
    wait_gone "$OLD"
}

# ask_path: the version that answers on ./socket
ask_path() {
    "$TESTS/load" --path "$PWD/socket" --clients 1 --duration 0.2 --json >path.json
    sed -nE 's/.*"last_version":"([^"]*)".*/\1/p' path.json
}

@test "adopt: a unix path, which the server that ran before does not remove as it ends" {
    set_version v1
    SERVER=("$TESTS/epoll-edge" --unix "$PWD/socket" --version-file "$PWD/version")
    run_alone "${SERVER[@]}"
    wait_until test -S socket
    rm -f load-ready
    mkfifo load-ready
    "$TESTS/load" --path "$PWD/socket" --clients 8 --kept 4 --kept-life 1 --duration 60 --json --ready-fd 9 \
        >load.json 2>load.log 3>&- 9>load-ready &
    LOAD_PID=$!
    IFS= read -rt "$PATIENCE" <load-ready
    set_version v2
    adopt
    adopted
    wait_gone "$OLD"
    wait_generation_gone 1
    [[ -S socket ]] || fail "the path is gone"
    equal "$(ask_path)" v2 "version"
    stop_load
    kill -TERM "$PID"
    wait_end
    [[ ! -e socket ]] || fail "the path is left, which the server would have removed"
}

@test "adopt: the pidfile of the server is its successor's" {
    run_server "$TESTS/epoll-level" --pidfile "$PWD/server.pid"
    equal "$(<server.pid)" "$OLD" "pidfile before"
    adopt --pidfile "$PWD/service.pid"
    adopted
    wait_gone "$OLD"
    equal "$(<server.pid)" "$(first_pid 2)" "the server's pidfile"
    equal "$(<service.pid)" "$PID" "the service's pidfile"
}

@test "adopt: a pidfile names the server that is to be adopted" {
    run_server "$TESTS/poll" --pidfile "$PWD/server.pid"
    start "$HELPER" adopt "$PWD/server.pid" "${SERVER[@]}"
    adopted
    wait_gone "$OLD"
}

# udp_adopted OPTION...: a datagram server whose clients ask all the time
udp_adopted() {
    local status=0

    set_version v1
    SERVER=("$TESTS/udp-server" "$@" "$PORT" "$PWD/version")
    run_alone "${SERVER[@]}"
    wait_until is_bound_udp
    "$TESTS/udp-load" 127.0.0.1 "$PORT" 16 60 >udp.out 2>log-versions 3>&- &
    LOAD_PID=$!
    wait_for_log '^version v1$' log-versions
    set_version v2
    adopt
    adopted
    wait_for_log '^version v2$' log-versions
    wait_generation_gone 1 # until then it may owe answers
    kill -INT "$LOAD_PID"
    wait_gone "$LOAD_PID"
    wait "$LOAD_PID" || status=$?
    LOAD_PID=
    equal "$status" 0 "status of the UDP load"
    [[ $(<udp.out) == *"lost 0 wrong 0"*"versions 2" ]] || fail "$(<udp.out)"
}

is_bound_udp() {
    [[ -n $(ss -Hlun "sport = :$PORT") ]]
}

@test "adopt: UDP, a server that blocks in recvfrom" {
    udp_adopted -4
}

@test "adopt: UDP, a server that polls" {
    udp_adopted -4 -p
}

@test "adopt: SO_REUSEPORT: a set is inherited one by one" {
    set_version v1
    SERVER=("$TESTS/epoll-level" --reuseport --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT"
        --version-file "$PWD/version")
    run_alone "${SERVER[@]}"
    wait_until listens
    start_load "$PORT" --clients 8
    set_version v2
    adopt
    adopted
    has_log 'generation 2: started, pid [0-9]+, with 2 inherited listeners'
    serves_version "$PORT" v2
    stop_load
}

@test "adopt: a Go server" {
    [[ -x $STATIC/http-server ]] || skip "go is missing"
    set_version v1
    SERVER=("$STATIC/http-server" --listen "127.0.0.1:$PORT" --version-file "$PWD/version")
    run_alone "${SERVER[@]}"
    wait_until listens
    start_load "$PORT" --protocol http --clients 4 --kept 4 --kept-life 0.5
    set_version v2
    adopt
    adopted
    wait_gone "$OLD"
    stop_load
    [[ $(get_http) == "v2 "* ]] || fail "v2 does not answer"
}

# The body of an HTTP answer.
get_http() {
    local line

    exec 8<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&8
    while IFS= read -rt "$PATIENCE" -u 8 line; do
        [[ $line != $'\r' ]] || break
    done
    IFS= read -rt "$PATIENCE" -u 8 line || true
    exec 8>&-
    echo "$line"
}

# without_getfd NAME: adopted where pidfd_getfd(2) is denied, as in containers
without_getfd() {
    run_server "$TESTS/$1"
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    start_load "$PORT" --clients 4
    set_version v2
    start "$TESTS/without" denied:pidfd_getfd -- "$HELPER" adopt "$OLD" -- "${SERVER[@]}"
    adopted
    serves_version "$PORT" v2
    [[ $(ask_kept) == "v1 "* ]]
    stop_load
    close_kept
    wait_gone "$OLD"
}

@test "adopt: without pidfd_getfd(2), by calls of the server's own: epoll" {
    without_getfd epoll-level
}

@test "adopt: without pidfd_getfd(2), by calls of the server's own: accept()" {
    without_getfd thread
}

@test "adopt: by the server's user, without privileges" {
    requires root setpriv
    local -a as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

    run_alone "${as_nobody[@]}" "$TESTS/epoll-level" --port "$PORT" --version v1 --strict
    wait_until listens
    start_load "$PORT" --clients 4
    start "${as_nobody[@]}" "$HELPER" adopt "$OLD" "$TESTS/epoll-level" --port "$PORT" --version v2 --strict
    adopted
    serves_version "$PORT" v2
    wait_gone "$OLD"
    stop_load
}

# ---- failures: the running one serves on ----

@test "adopt: a release that crashes, exits, is not there: one line, status 1, and nobody notices" {
    run_server "$TESTS/epoll-level"
    start_load "$PORT" --clients 4
    set_options --crash
    adopt
    adopt_fails 1 '^tfpreload: generation 2: upgrade failed: was killed by SIG.*; generation 1 serves on$'
    set_options --exit-after-listen 3
    adopt
    adopt_fails 1 '^tfpreload: generation 2: upgrade failed: exited with status 3 .*; generation 1 serves on$'
    SERVER=(./no-such-server)
    adopt
    adopt_fails 1 '^tfpreload: generation 2: upgrade failed: cannot execute ./no-such-server: '
    serves_version "$PORT" v1
    stop_load
    kill "$OLD"
    wait_gone "$OLD"
}

@test "adopt: a release that hangs is killed at its ready timeout" {
    run_server "$TESTS/poll"
    start_load "$PORT" --clients 4
    set_options --hang
    adopt --ready-timeout 0.5
    adopt_fails 1 'upgrade failed: not ready within the ready timeout of 500 ms'
    serves_version "$PORT" v1
    stop_load
}

@test "adopt: a signal to end before the successor is ready means tfhelper alone" {
    run_server "$TESTS/poll"
    set_options --hang
    adopt
    wait_for_log '^tfpreload: generation 2: started'
    kill -TERM "$PID"
    adopt_fails 1 '^tfpreload: generation 2: upgrade failed: told to end by SIGTERM of '
    set_options --hang
    adopt
    wait_until has_children "$PID"
    "$HELPER" stop "$PID" || true
    adopt_fails 1 '^tfpreload: generation 2: upgrade failed: told to end by tfhelper stop'
    serves_version "$PORT" v1
}

@test "adopt: kill -9 of tfhelper before its server is ready: the running one serves on" {
    run_server "$TESTS/poll"
    set_options --hang
    adopt
    wait_for_log '^tfpreload: generation 2: started'
    kill -KILL "$PID"
    wait_gone "$PID"
    wait_until only_old_is_left
    serves_version "$PORT" v1
}

only_old_is_left() {
    equal "$(marked | sort -n)" "$OLD" "processes"
}

# refused STATUS PATTERN ARGUMENT...: one line, behind which wrong usage says where help is
refused() {
    local status=0

    "$HELPER" adopt "${@:3}" >refused.out 2>refused || status=$?
    equal "$status" "$1" "exit status of adopt ${*:3}" || return 1
    equal "$(wc -l <refused)" "$((1 + (status == 2)))" "lines" || return 1
    grep -qE -e "$2" refused || fail "adopt ${*:3} says: $(<refused)"
}

@test "adopt: wrong arguments, each in one clear line" {
    refused 2 'a command to run is missing'
    refused 2 'takes a PID, and a command' "$$"
    refused 2 'takes a PID, and a command' "$$" --
    refused 3 'no such pidfile' ./nowhere true
    refused 2 'unknown option' --wrong 1 -- true
    refused 2 'TFPRELOAD_OVERLAP=no' --overlap no "$$" -- true
    refused 3 'there is no process 4194303' 4194303 -- true
    refused 1 'is above this tfhelper' "$$" -- true
    refused 1 'process 1 takes everybody along' 1 -- true
    start sleep 60
    refused 1 'listens on nothing' "$PID" -- true
    refute is_gone "$PID"
    kill "$PID"
}

@test "adopt: a server that is under tfpreload already" {
    serve poll
    refused 1 "process $PID runs under tfpreload already: tfhelper upgrade $PID" "$PID" -- true
    refused 1 "runs under tfpreload already" "$(first_pid 1)" -- true
}

@test "adopt: a worker is named, and not its parent" {
    run_server "$TESTS/prefork" --workers 2
    wait_until has_children "$OLD"
    refused 1 "process $OLD is above process .*: name that one" "$(children "$OLD" | cut -d' ' -f1)" -- true
    serves_version "$PORT" v1
}

@test "adopt: somebody else's server, without privileges" {
    requires root setpriv
    run_server "$TESTS/poll"
    chmod 755 .
    refused_by_nobody 1 "process $OLD does not let its listeners be taken: .*CAP_SYS_PTRACE"
    serves_version "$PORT" v1
}

# refused_by_nobody STATUS PATTERN
refused_by_nobody() {
    local status=0

    setpriv --reuid 65534 --regid 65534 --clear-groups "$HELPER" adopt "$OLD" -- true 2>refused || status=$?
    equal "$status" "$1" "exit status"
    grep -qE -e "$2" refused || fail "$(<refused)"
}

@test "adopt: a debugger is there before us" {
    requires strace
    run_server "$TESTS/poll"
    start strace -f -qq -o strace.out -p "$OLD"
    wait_until grep -qE '^TracerPid:.*[1-9]' "/proc/$OLD/status"
    refused 1 "does not let itself be stopped by ptrace\(2\): Operation not permitted" "$OLD" -- true
    serves_version "$PORT" v1
}

@test "adopt: another network namespace" {
    requires root unshare
    unshare -n true 2>/dev/null || skip "no network namespace can be made here"
    start unshare -n "$TESTS/poll" --port "$PORT"
    wait_until listens_there "$PID"
    refused 1 'is in another network namespace' "$PID" -- true
    kill "$PID"
}

listens_there() {
    [[ $(readlink "/proc/$1/exe") == */poll && $(awk '$4 == "0A"' "/proc/$1/net/tcp") ]]
}

# ---- real programs ----

@test "adopt: nginx, master and workers, under load" {
    requires nginx
    nginx_conf
    SERVER=(nginx -c "$PWD/nginx.conf" -p "$PWD" -g 'daemon off;')
    run_alone "${SERVER[@]}"
    wait_until listens
    start_load "$PORT" --protocol http --clients 4 --kept 4 --kept-life 0.5
    adopt
    adopted
    wait_gone "$OLD"
    wait_generation_gone 1
    equal "$(<nginx.pid)" "$(first_pid 2)" "nginx's own pidfile"
    upgrade
    stop_load
    has_no_log 'exit timeout|killed|has not given up|not gone|failed|cannot'
}

@test "adopt: nginx ends in its own way by the retire signal, and its pidfile is its successor's" {
    requires nginx
    nginx_conf
    SERVER=(nginx -c "$PWD/nginx.conf" -p "$PWD" -g 'daemon off;')
    run_alone "${SERVER[@]}"
    wait_until listens
    adopt --retire-signal QUIT
    adopted
    wait_for_log '^tfpreload: generation 1: gone .* after the retire signal, ended$'
    equal "$(<nginx.pid)" "$(first_pid 2)" "nginx's own pidfile"
}

@test "adopt: redis, under load" {
    requires redis-server
    SERVER=(redis-server --port "$PORT" --bind 127.0.0.1 --protected-mode no --save "" --dir "$PWD" --daemonize no --loglevel warning)
    run_alone "${SERVER[@]}"
    wait_until listens
    start_load "$PORT" --protocol text --request 'PING\r\n' --expect '+PONG' --clients 4 --kept 4 --kept-life 0.5
    adopt
    adopted
    wait_gone "$OLD"
    upgrade
    stop_load
    has_no_log 'exit timeout|killed|has not given up|not gone|failed|cannot'
}

@test "adopt: python3 -m http.server, under load" {
    requires python3
    SERVER=(python3 -m http.server --bind 127.0.0.1 "$PORT")
    run_alone "${SERVER[@]}"
    wait_until listens
    start_load "$PORT" --protocol http --clients 3 --kept 2 --kept-life 0.5 # its queue has room for five
    adopt
    adopted
    wait_gone "$OLD"
    upgrade
    stop_load
    has_no_log 'exit timeout|has not given up|not gone|failed|cannot'
}

@test "adopt: caddy, under load" {
    requires caddy
    echo hello >index.html
    export XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD
    SERVER=(caddy file-server --listen "127.0.0.1:$PORT" --root "$PWD")
    run_alone "${SERVER[@]}"
    wait_until listens
    start_load "$PORT" --protocol http --clients 4 --kept 4 --kept-life 0.5
    adopt
    adopted
    wait_gone "$OLD"
    upgrade
    stop_load
    has_no_log 'exit timeout|killed|has not given up|not gone|failed|cannot'
}

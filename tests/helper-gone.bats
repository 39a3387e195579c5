#!/usr/bin/env bats
#
# The helper is killed, by SIGKILL or for want of memory: the whole session ends with it, and the
# next start finds a free port.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load nginx

# kill_helper: and wait until nobody is left, of whatever generation
kill_helper() {
    kill -KILL "$PID"
    wait_gone "$PID"
    wait_until none_marked
    refuses "$PORT"
}

# serves_anew COMMAND...: a fresh start is ready at once, and ends in its own way
serves_anew() {
    rm -f version options
    LOG=$BATS_TEST_TMPDIR/log-anew
    touch "$LOG"
    "$@"
    kill -TERM "$PID"
    wait_end
    wait_until none_marked
}

# ---- what a server may be ----

# bats test_tags=fast
@test "helper gone: a server with workers: nobody is left, and it can be started again" {
    serve prefork --workers 6
    kill_helper
    wait_end
    equal "$STATUS" 137 "status after SIGKILL"
    serves_anew serve prefork
}

@test "helper gone: every kind of server" {
    local name

    for name in "${SERVERS[@]}"; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        touch "$LOG"
        serve "$name"
        keep "$PORT"
        ask_kept >/dev/null
        kill_helper
        close_kept
    done
}

@test "helper gone: a daemon" {
    start_daemon
    kill_helper
    serves_anew start_daemon
}

# start_daemon: its helper is PID, after it has gone to the background
start_daemon() {
    [[ -e version ]] || set_version v1
    TFPRELOAD_PIDFILE=$PWD/helper.pid start_with_library "$TESTS/daemonize" "$PWD/pid" \
        "$TESTS/prefork" --port "$PORT" --version-file "$PWD/version"
    wait_end
    wait_ready 1
    wait_until grep -qvx "$PID" helper.pid
    PID=$(<helper.pid)
    STARTED+=("$PID")
}

@test "helper gone: a daemon, and the generation after it" {
    start_daemon
    keep "$PORT"
    ask_kept >/dev/null
    "$HELPER" upgrade "$PID"
    kill_helper
}

@test "helper gone: nginx and its workers" {
    requires nginx curl
    nginx_conf
    start_with_library nginx -e stderr -p "$PWD" -c nginx.conf -g 'daemon off;'
    wait_ready 1
    equal "$(curl -s "http://127.0.0.1:$PORT/")" hello
    kill_helper
    rm -f "$LOG"
    start_with_library nginx -e stderr -p "$PWD" -c nginx.conf -g 'daemon off;'
    wait_ready 1
    equal "$(curl -s "http://127.0.0.1:$PORT/")" hello
}

@test "helper gone: gunicorn and its workers, one of which is in the middle of an answer" {
    requires gunicorn curl
    cat >app.py <<'END'
import time

def app(environment, start_response):
    if environment["PATH_INFO"] == "/slow":
        open("asked", "w").close()
        time.sleep(1)
    start_response("200 OK", [("Content-Length", "6")])
    return [b"hello\n"]
END
    start_with_library gunicorn --bind "127.0.0.1:$PORT" --workers 2 app:app
    wait_ready 1
    curl -s "http://127.0.0.1:$PORT/slow" >answer 3>&- &
    local client=$!
    wait_until test -e asked
    kill -KILL "$PID"
    wait "$client" # gunicorn's TERM lets it finish
    equal "$(<answer)" hello "answer"
    wait_until none_marked
    refuses "$PORT"
}

@test "helper gone: a server that has given up root, and whose workers have" {
    requires root
    serve prefork --user 65534
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    kill_helper
}

@test "helper gone: a helper without privileges" {
    requires root setpriv
    mkdir nobody
    cp -r "$HELPER" "$LIBRARY" "$TESTS/prefork" nobody/
    chmod o+x "$BATS_RUN_TMPDIR" .. . nobody
    echo v1 >nobody/version
    chown -R 65534 nobody
    start setpriv --reuid 65534 --regid 65534 --clear-groups nobody/tfhelper \
        nobody/prefork --port "$PORT" --version-file "$PWD/nobody/version"
    wait_ready 1
    kill_helper
}

# ---- when ----

@test "helper gone: while a new generation starts" {
    serve prefork
    set_options --start-when never
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill_helper
}

@test "helper gone: while generations drain" {
    local number

    serve fork
    for number in 2 3 4; do
        keep "$PORT"
        ask_kept >/dev/null
        upgrade "v$number"
    done
    kill_helper
}

@test "helper gone: again and again under a supervisor, which starts it at once" {
    local round

    set_version v1
    {
        until [[ -e over ]]; do
            LD_PRELOAD=$LIBRARY "$TESTS/prefork" --port "$PORT" --version-file "$PWD/version" &
            echo $! >helper.new
            mv helper.new helper
            wait $! || true
        done
    } >>"$OUT" 2>>"$LOG" </dev/null 3>&- &
    STARTED+=($!)
    for round in 1 2 3 4 5; do
        wait_until has_count_ready "$round"
        serves_version "$PORT" v1
        [[ $round == 5 ]] || kill -KILL "$(<helper)"
    done
    touch over
    kill -TERM "$(<helper)"
    wait_until none_marked
}

@test "helper gone: under runit, which starts it anew" {
    local round supervisor

    requires runsv
    set_version v1
    mkdir service
    printf '#!/bin/sh\nexec env LD_PRELOAD="%s" "%s" --port %s --version-file "%s"\n' \
        "$LIBRARY" "$TESTS/prefork" "$PORT" "$PWD/version" >service/run
    chmod +x service/run
    start runsv service
    supervisor=$PID
    for round in 1 2 3; do
        wait_until has_count_ready "$round"
        serves_version "$PORT" v1
        [[ $round == 3 ]] || kill -KILL "$(<service/supervise/pid)"
    done
    kill -TERM "$supervisor"
    wait_end "$supervisor"
    wait_until none_marked
    equal "$(count_ready)" 3 # and none that found the port in use
    has_no_log 'in use'
}

has_count_ready() {
    (($(count_ready) >= $1))
}

# ---- who is in the way of that ----

@test "helper gone: who ignores the stop signal is killed, with what it has forked" {
    cat >server.sh <<END
#!/bin/sh
trap '' TERM
sleep 1000 &
exec "$TESTS/odd" --port "$PORT" --ignore 15
END
    chmod +x server.sh
    TFPRELOAD_STOP_TIMEOUT=0.2 start_with_library ./server.sh
    wait_until ask "$PORT"
    kill_helper
}

@test "helper gone: workers that nobody has looked at, of a parent that ends of the stop signal at once" {
    requires python3
    cat >server.py <<'END'
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def spawn(depth):
    if os.fork() == 0:
        if depth:
            spawn(depth - 1)
        while True:
            time.sleep(1000)
def serve():
    while True:
        client, _ = listener.accept()
        for _ in range(5): # the helper is told of nothing
            spawn(3)
        client.sendall(b"1 2 3\n")
        client.close()
serve()
END
    start_server python3 server.py "$PORT"
    ask "$PORT"
    kill_helper
}

# forks_all_the_time LINE: a server that does, after this line of Python
forks_all_the_time() {
    requires python3
    cat >server.py <<END
import os, signal, socket, sys, threading, time
$1
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def serve():
    while True:
        client, _ = listener.accept()
        client.close()
threading.Thread(target=serve, daemon=True).start()
for i in range(10000): # whoever is not stopped meanwhile has children that nobody has seen
    if os.fork() == 0:
        time.sleep(1000)
    if i == 200: # a look at them all takes its time
        open("many", "w").close()
    time.sleep(0.001)
END
    TFPRELOAD_STOP_TIMEOUT=0.2 start_server python3 server.py "$PORT"
    wait_until test -e many
    kill_helper
}

@test "helper gone: a server that forks all the time, and ends of the stop signal at once" {
    forks_all_the_time 'pass'
}

@test "helper gone: a server that forks all the time, and ignores the stop signal" {
    forks_all_the_time 'signal.signal(signal.SIGTERM, signal.SIG_IGN)'
}

@test "helper gone: with its process group, and whoever is not in that" {
    requires setsid
    cat >server.sh <<END
#!/bin/sh
setsid "$TESTS/poll" --port "$PORT" &
wait
END
    chmod +x server.sh
    start setsid env LD_PRELOAD="$LIBRARY" ./server.sh
    wait_ready 1
    kill -KILL -- "-$PID"
    wait_until none_marked
    refuses "$PORT"
}

@test "helper gone: who merely names the session in its environment is nobody's to end" {
    local session stranger

    serve prefork
    session=$(tr '\0' '\n' <"/proc/$(first_pid 1)/environ" | sed -n 's/^TFPRELOAD_SESSION=//p')
    [[ -n $session ]]
    env TFPRELOAD_SESSION="$session" sleep 1000 3>&- &
    stranger=$!
    STARTED+=("$stranger")
    wait_until grep -qz "^TFPRELOAD_SESSION=" "/proc/$stranger/environ"
    kill -KILL "$PID"
    wait_gone "$PID"
    wait_until refuses "$PORT"
    wait_until only_marked "$stranger"
    refute is_gone "$stranger"
}

only_marked() {
    equal "$(marked)" "$1" "processes"
}

# ---- the guard ----

@test "the guard holds nothing of the server's, and costs next to no memory" {
    local guard

    serve prefork
    guard=$(guard_of "$PID")
    equal "$(descriptors "$guard" | cut -d' ' -f2)" socket "descriptors of the guard"
    equal "$(readlink "/proc/$guard/cwd")" / "directory of the guard"
    equal "$(ps -o sid= -p "$guard" | tr -d ' ')" "$guard" "session of the guard"
    # in KiB, its own alone: the rest is shared with the helper
    [[ $(awk '/^Private_Dirty/ { print $2 }' "/proc/$guard/smaps_rollup") -le 200 ]] ||
        fail "$(cat "/proc/$guard/smaps_rollup")"
    upgrade
    equal "$(guard_of "$PID")" "$guard" "the guard after an upgrade"
}

@test "the guard ends with the helper, whatever that leaves behind" {
    local guard

    mkfifo go
    # shellcheck disable=SC2016 # for that shell
    start "$HELPER" -- sh -c 'sleep 1000 & echo $! >left; read -r _ <go; exit 3'
    wait_until test -s left
    guard=$(guard_of "$PID")
    echo >go
    wait_end
    equal "$STATUS" 3
    is_gone "$guard"
    refute is_gone "$(<left)"
    kill "$(<left)"
}

@test "the guard is gone when the helper has ended in its own way" {
    local guard

    serve poll
    guard=$(guard_of "$PID")
    kill -TERM "$PID"
    wait_end
    is_gone "$guard" # at once: nobody has to wait for it
    equal "$(count_log 'guard')" 0
}

@test "the guard does not outlive a command that cannot be executed" {
    LOG=$BATS_TEST_TMPDIR/log-none
    start "$HELPER" -- ./nothing
    wait_end
    equal "$STATUS" 127 "status"
    equal "$(marked)" "" "processes"
}

@test "the guard is killed: another one is in its place, and does its work" {
    local guard

    serve prefork
    guard=$(guard_of "$PID")
    kill -KILL "$guard"
    wait_for_log "^tfpreload: the guard, process $guard, has been killed: process [0-9]+ is in its place\$"
    refute is_gone "$(first_pid 1)"
    upgrade v2
    [[ $(guard_of "$PID") != "$guard" ]]
    kill_helper
}

@test "the guard is killed again and again: it is not started for ever, and said so" {
    local guard

    serve prefork
    for _ in 1 2 3 4; do
        guard=$(guard_of "$PID")
        kill -KILL "$guard"
        wait_for_log "^tfpreload: the guard, process $guard, has been killed: process"
        equal "$(guard_of "$PID" | wc -l)" 1 "guards, those that nobody has reaped too"
    done
    guard=$(guard_of "$PID")
    kill -KILL "$guard"
    wait_for_log "^tfpreload: the guard, process $guard, has been killed: (process|should the helper be, too, the server is left behind)"
    upgrade v2
    serves_version "$PORT" v2
}

@test "both are killed: the server is left behind, and serves on" {
    local guard server

    serve poll
    guard=$(guard_of "$PID")
    server=$(first_pid 1)
    kill -STOP "$PID" # so that it starts no other one
    kill -KILL "$guard"
    kill -KILL "$PID"
    wait_gone "$PID" "$guard"
    serves_version "$PORT" v1
    kill -TERM "$server"
    wait_until none_marked
}

@test "no guard can be started: the first process dies with the helper by itself" {
    requires python3
    start python3 "$PROGRAMS/no_silent_fork.py" "$HELPER" -- "$TESTS/poll" --port "$PORT"
    wait_ready 1
    has_log '^tfpreload: cannot start the guard: '
    equal "$(children "$PID")" "$(first_pid 1) "
    kill_helper
}

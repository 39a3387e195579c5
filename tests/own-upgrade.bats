#!/usr/bin/env bats
#
# Servers that upgrade themselves: a process that they execute takes their place, and the helper
# follows it. Its pid, and what it does, stay the same.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load nginx

# serve_renewing [OPTION]...: tests/programs/renews.py
serve_renewing() {
    requires python3
    set_version v1
    start_server python3 "$PROGRAMS/renews.py" "$PORT" "$@"
    MAIN=$(first_pid 1)
}

# renew VERSION: the server executes itself; until that one serves. Its pid is NEW.
renew() {
    set_version "$1"
    kill -USR2 "$MAIN"
    wait_until is_answered_by "$1"
    NEW=$(ask "$PORT" | cut -d' ' -f2)
    wait_until is_told "$NEW"
}

# One of both answers.
is_answered_by() {
    local answer

    answer=$(ask "$PORT") && [[ $answer == "$1 "* ]]
}

# The helper knows of it.
is_told() {
    "$HELPER" status --json "$PID" | grep -q "\"pid\":$1,"
}

# replace VERSION: and the old one ends
replace() {
    local old=$MAIN

    renew "$1"
    while [[ $NEW == "$MAIN" ]]; do
        NEW=$(ask "$PORT" | cut -d' ' -f2)
    done
    kill -QUIT "$MAIN"
    wait_gone "$MAIN"
    MAIN=$NEW
    wait_for_log "^tfpreload: generation [0-9]+: process $old has ended, and process $MAIN, which it had executed, serves on in its place\$"
}

service_lives() {
    ! is_gone "$PID" || fail "the helper has ended"
    has_no_log 'gone to the background|the service has ended'
}

# bats test_tags=fast
@test "own upgrade: the helper follows the server to its new process, under load" {
    TFPRELOAD_PIDFILE=$PWD/pidfile serve_renewing
    start_load "$PORT" --clients 4 --kept 4 --kept-life 1
    replace v2
    replace v3
    stop_load
    service_lives
    serves_version "$PORT" v3
    equal "$(<pidfile)" "$PID" "pidfile"
    equal "$("$HELPER" status --json "$PID" | sed -E 's/.*"processes":\[\{"pid":([0-9]+).*/\1/')" "$MAIN"
}

@test "own upgrade: signals go to the new process, and its status is the service's" {
    serve_renewing
    replace v2
    kill -USR1 "$PID"
    wait_until test -s signalled
    "$HELPER" signal USR1 "$PID"
    wait_until has_signalled_twice
    echo 7 >status
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 7 "status"
    has_log '^tfpreload: generation 1: the service has ended: it exited with status 7$'
}

has_signalled_twice() {
    equal "$(<signalled)" "$MAIN"$'\n'"$MAIN"
}

@test "own upgrade: the next upgrade inherits from the new process, and so on" {
    serve_renewing
    start_load "$PORT" --clients 4 --kept 4 --kept-life 1
    replace v2
    upgrade v3
    wait_generation_gone 1
    MAIN=$(first_pid 2)
    replace v4
    upgrade v5
    stop_load
    serves_version "$PORT" v5
    service_lives
}

@test "own upgrade: the new process is executed with an environment of nothing" {
    serve_renewing bare
    start_load "$PORT" --clients 4 --kept 4 --kept-life 1
    replace v2
    replace v3
    upgrade v4
    stop_load
    serves_version "$PORT" v4
    service_lives
}

@test "own upgrade: an upgrade while both processes serve takes the place of both" {
    serve_renewing
    renew v2
    start_load "$PORT" --clients 4 --kept 4 --kept-life 1
    upgrade v3
    wait_generation_gone 1
    stop_load
    serves_version "$PORT" v3
    service_lives
}

@test "own upgrade: told to end while both processes serve, both do" {
    serve_renewing
    renew v2
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0
    wait_until none_marked
    refuses "$PORT"
}

@test "own upgrade: a new process that fails: the old one's end is the service's" {
    serve_renewing
    touch broken
    kill -USR2 "$MAIN"
    wait_until has_zombie "$MAIN"
    serves_version "$PORT" v1
    kill -QUIT "$MAIN"
    wait_end
    equal "$STATUS" 0
    has_log 'generation 1: the service has ended: it exited with status 0'
    has_no_log 'in its place'
}

has_zombie() {
    # shellcheck disable=SC2046 # a word a file
    grep -q '^State:.*Z' $(children "$1" | sed -E 's|([0-9]+) |/proc/\1/status |g')
}

@test "own upgrade: the second attempt, after one that has failed" {
    serve_renewing
    touch broken
    kill -USR2 "$MAIN"
    wait_until has_zombie "$MAIN"
    rm broken
    replace v2
    serves_version "$PORT" v2
    service_lives
}

@test "own upgrade: an old process that is killed has failed, whatever serves on" {
    serve_renewing
    renew v2
    kill -KILL "$MAIN"
    wait_end
    equal "$STATUS" 137
    wait_until none_marked
    has_log 'generation 1: the service has ended: it was killed by SIGKILL'
    has_log 'generation 1: the processes that it has left are told to stop'
}

@test "own upgrade: with TFPRELOAD_RESTART the new process is started again when it crashes" {
    TFPRELOAD_RESTART=on-failure serve_renewing
    replace v2
    kill -KILL "$MAIN"
    wait_for_log '^tfpreload: generation 1: was killed by SIGKILL: generation 2 is started in its place'
    wait_ready 2
    serves_version "$PORT" v2
}

# ---- who does not take its place ----

@test "own upgrade: a child that has got the listener, and does nothing with it, is not followed" {
    # shellcheck disable=SC2016 # for the child
    echo 'echo $$ >child-pid; exec sleep 1000' >child
    serve_renewing
    wait_until test -s child-pid
    kill -QUIT "$MAIN"
    wait_end
    equal "$STATUS" 0
    has_log 'generation 1: has gone to the background' # as it is with every child that is left
    has_no_log 'in its place'
    kill "$(<child-pid)"
    wait_until none_marked
}

@test "own upgrade: a child with a listener of its own is not followed" {
    local other

    other=$(free_port)
    echo "echo \$\$ >child-pid; exec $TESTS/poll --port $other" >child
    serve_renewing
    wait_until ask "$other"
    kill -QUIT "$MAIN"
    wait_end
    has_no_log 'in its place'
    kill "$(<child-pid)"
    wait_until none_marked
}

@test "own upgrade: a worker of another user that executes something is not followed" {
    requires root python3
    cat >server.py <<'END'
import os, socket, sys, time
if "LISTENER" in os.environ: # a worker that somebody has taken over
    listener = socket.socket(fileno=int(os.environ["LISTENER"]))
else:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    os.set_inheritable(listener.fileno(), True)
    if os.fork() == 0:
        program = open(sys.argv[0], encoding="ascii").read()
        if sys.argv[2] == "other":
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        os.environ["LISTENER"] = str(listener.fileno())
        os.execv("/usr/bin/python3", ["python3", "-c", program])
listener.settimeout(0.1) # both wait for clients
while not os.path.exists("over") or "LISTENER" in os.environ:
    try:
        client, _ = listener.accept()
    except TimeoutError:
        continue
    client.sendall(b"v1 %d token\n" % os.getpid())
    client.close()
END
    follows_worker other
    has_no_log 'in its place'
    kill "$WORKER"
    wait_until none_marked
    : >"$LOG"
    rm over
    follows_worker same # there is no other reason than that
    has_log 'in its place'
}

# follows_worker USER: until the first process has ended, of a service whose worker is of that user
follows_worker() {
    start_server /usr/bin/python3 server.py "$PORT" "$1"
    WORKER=$(children "$(first_pid 1)")
    WORKER=${WORKER% }
    wait_until is_answered_from "$WORKER"
    touch over
    wait_until grep -Eq 'in its place|has gone to the background' "$LOG"
}

is_answered_from() {
    [[ $(ask "$PORT" | cut -d' ' -f2) == "$1" ]]
}

@test "own upgrade: an environment of nothing stays so for who gets no listener" {
    requires python3
    cat >server.py <<'END'
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if os.fork() == 0:
    os.execve("/bin/sh", ["sh", "-c", "tr '\\0' '\\n' </proc/self/environ >bare"], {"A": "B"})
os.wait()
os.set_inheritable(listener.fileno(), True)
if os.fork() == 0:
    os.execve("/bin/sh", ["sh", "-c", "tr '\\0' '\\n' </proc/self/environ >given"], {"A": "B"})
os.wait()
while True:
    client, _ = listener.accept()
    client.close()
END
    start_server python3 server.py "$PORT"
    equal "$(<bare)" 'A=B'
    equal "$(sed 's/=.*//' given | sort | paste -sd' ')" 'A LD_PRELOAD TFPRELOAD_SESSION'
}

# ---- real ones ----

start_http_load() {
    start_load "$PORT" --protocol http --expect hello --clients 4 # those that keep their connections these servers cut
}

@test "own upgrade: gunicorn, USR2 and TERM, under load" {
    requires gunicorn
    cat >app.py <<'END'
def app(environment, start_response):
    start_response("200 OK", [("Content-Length", "6")])
    return [b"hello\n"]
END
    start_server gunicorn --bind "127.0.0.1:$PORT" --pid own-pid --workers 2 \
        --worker-class gthread --threads 4 app:app
    MAIN=$(first_pid 1)
    start_http_load
    local round
    for round in 1 2; do
        kill -USR2 "$MAIN"
        wait_until test -s own-pid.2
        NEW=$(<own-pid.2)
        wait_until has_two_workers "$NEW"
        kill -TERM "$MAIN"
        wait_gone "$MAIN"
        wait_for_log "generation $round: process $MAIN has ended, and process $NEW, which it had executed, serves"
        [[ $round == 2 ]] || {
            upgrade_by kill -HUP "$PID"
            MAIN=$(first_pid 2)
            wait_generation_gone 1
        }
    done
    stop_load
    service_lives
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0
}

# As many as it has, and they wait for clients, of which the helper has been told.
has_two_workers() {
    local count=0 worker

    for worker in $(children "$1"); do
        ! is_told "$worker" || count=$((count + 1))
    done
    ((count == 2))
}

@test "own upgrade: nginx, a daemon, USR2 and QUIT, under load" {
    local program

    requires nginx
    program=$(command -v nginx)
    nginx_conf
    TFPRELOAD_PIDFILE=$PWD/pidfile start_with_library "$program" -e stderr -p "$PWD" -c nginx.conf
    wait_end
    wait_ready 1
    PID=$(<pidfile)
    STARTED+=("$PID")
    start_http_load
    renew_nginx 1
    upgrade_by "$HELPER" upgrade "$PID"
    wait_generation_gone 1
    renew_nginx 2
    upgrade_by "$HELPER" upgrade "$PID"
    stop_load
    ! is_gone "$PID" || fail "the helper has ended"
    kill -TERM "$PID"
    wait_until none_marked
}

# renew_nginx GENERATION: as nginx's own documentation has it
renew_nginx() {
    MAIN=$(<nginx.pid)
    kill -USR2 "$MAIN"
    wait_until test -s nginx.pid.oldbin -a -s nginx.pid
    NEW=$(<nginx.pid)
    wait_until has_two_workers "$NEW"
    kill -QUIT "$MAIN"
    wait_gone "$MAIN"
    wait_for_log "generation $1: process $MAIN has ended, and process $NEW, which it had executed, serves"
}

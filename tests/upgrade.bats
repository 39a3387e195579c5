#!/usr/bin/env bats
#
# An upgrade that succeeds: nothing is lost, the new version serves, the old one is gone.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- every kind of server, under load ----

upgrades_under_load() {
    local name=$1 number

    # every kept client occupies a worker of prefork
    serve "$name" --workers 12
    start_load "$PORT" --clients 4 --kept 4 --kept-interval 10 --kept-life 0.5
    for number in 2 3 4 5 6; do
        upgrade "v$number"
        serves_version "$PORT" "v$number"
    done
    for number in 1 2 3 4 5; do
        wait_generation_gone "$number"
    done
    stop_load
    equal "$(load_value versions)" 6 "versions seen by the load"
    has_no_log 'exit timeout|killed|has not given up|not gone'
}

@test "fork: five upgrades under load lose nothing" {
    upgrades_under_load fork
}

@test "thread: five upgrades under load lose nothing" {
    upgrades_under_load thread
}

@test "prefork: five upgrades under load lose nothing" {
    upgrades_under_load prefork
}

@test "poll: five upgrades under load lose nothing" {
    upgrades_under_load poll
}

@test "select: five upgrades under load lose nothing" {
    upgrades_under_load select
}

@test "epoll-level: five upgrades under load lose nothing" {
    upgrades_under_load epoll-level
}

@test "epoll-edge: five upgrades under load lose nothing" {
    upgrades_under_load epoll-edge
}

@test "the load counts failures when a server is stopped and started instead" {
    serve epoll-level
    start_load "$PORT" --clients 4
    kill -TERM "$PID"
    wait_end
    kill -TERM "$LOAD_PID"
    wait_gone "$LOAD_PID"
    LOAD_PID=
    [[ $(load_value failed) -gt 0 ]]
}

@test "a server that starts slowly does not make its clients wait" {
    local after

    serve poll
    set_options --start-delay 3000
    start_load "$PORT" --clients 4
    upgrade v2
    stop_load
    after=$(load_value longest_gap_ms)
    [[ ${after%.*} -lt 2500 ]] || fail "longest gap $after ms while the new version started"
}

@test "a request that is being worked on is answered by the version that got it" {
    local name
    local -A ports=() pids=() clients=()

    set_version v1
    set_options --service-time 3000
    for name in "${SERVERS[@]}"; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        serve "$name"
        ports[$name]=$PORT
        pids[$name]=$PID
    done
    for name in "${SERVERS[@]}"; do
        { ask "${ports[$name]}" >"answer-$name"; } 3>&- &
        clients[$name]=$!
    done
    set_options
    for name in "${SERVERS[@]}"; do
        PID=${pids[$name]}
        LOG=$BATS_TEST_TMPDIR/log-$name
        wait_until is_taken "$name" "${ports[$name]}"
        upgrade v2
    done
    for name in "${SERVERS[@]}"; do
        wait "${clients[$name]}"
        equal "$(<"answer-$name")" "v1 $(cut -d' ' -f2 "answer-$name") token" "$name"
        equal "$(ask "${ports[$name]}" | cut -d' ' -f1)" v2 "$name, the next answer"
    done
}

# The server has read all that came on the one connection to its port, or has answered already.
is_taken() {
    [[ -s answer-$1 ]] || ss -Htn state established "sport = :$2" | grep -q '^0 '
}

@test "clients that nobody has accepted yet are not lost" {
    local first second

    touch closed
    start_server "$TESTS/odd" --port "$PORT" --no-accept "$PWD/closed"
    { ask "$PORT" >answer-1; } 3>&- &
    first=$!
    { ask "$PORT" >answer-2; } 3>&- &
    second=$!
    wait_until queue_has "$PORT" 2
    rm closed
    upgrade
    wait "$first"
    wait "$second"
    equal "$(<answer-1)" "1 $(first_pid 2) token"
    equal "$(<answer-2)" "1 $(first_pid 2) token"
}

# ---- what a version listens on ----

@test "several listeners, IPv4 and IPv6" {
    local name second third

    for name in "${SERVERS[@]}"; do
        PORT=$(free_port)
        second=$(free_port)
        third=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name" --listen "127.0.0.1:$second" --listen "[::1]:$third"
        start_load "$second" --clients 2
        upgrade v2
        has_log "generation 2: started, pid [0-9]+, with 3 inherited listeners"
        serves_version "$PORT" v2
        serves_version "$second" v2
        serves_version "$third" v2 ::1
        stop_load
        kill -TERM "$PID"
        wait_end
    done
}

@test "threads that share an alternate signal stack" {
    local i

    set_version v1
    start_server "$TESTS/thread" --version-file "$PWD/version" --listen "127.0.0.1:$PORT" \
        --listen "127.0.0.2:$PORT" --listen "127.0.0.3:$PORT" --listen "127.0.0.4:$PORT"
    for i in 2 3 4 5; do
        keep "$PORT"
        upgrade "v$i"
        equal "$(ask_kept)" "v$((i - 1)) $(first_pid $((i - 1))) kept"
    done
    serves_version "$PORT" v5
}

# sshd's processes before the login, for one: the handlers of SIGURG and SIGHUP would be their end.
@test "a client in a process that may make no system calls but read and write" {
    start_server "$TESTS/odd" --sandbox --ignore 1 --port "$PORT"
    keep "$PORT"
    echoes before
    upgrade
    upgrade
    kill -HUP "$(children "$(first_pid 1)")" # as killall does
    echoes after
    close_kept
    wait_generation_gone 1
}

echoes() {
    local answer

    echo "$1" >&"$KEPT"
    read -r -t 5 answer <&"$KEPT" || fail "no answer to '$1': its process has ended"
    equal "$answer" "$1" "answer"
}

@test "the same port on 0.0.0.0 and [::]" {
    set_version v1
    start_server "$TESTS/epoll-level" --listen "0.0.0.0:$PORT" --listen "[::]:$PORT" \
        --version-file "$PWD/version"
    start_load "$PORT" --clients 2
    upgrade v2
    has_log "generation 2: started, pid [0-9]+, with 2 inherited listeners"
    serves_version "$PORT" v2
    serves_version "$PORT" v2 ::1
    upgrade v3
    serves_version "$PORT" v3
    serves_version "$PORT" v3 ::1
    stop_load
    has_no_log 'does not listen'
}

@test "a version that listens on one more address" {
    local second

    second=$(free_port)
    serve poll
    start_load "$PORT" --clients 2
    set_options --listen "127.0.0.1:$second"
    upgrade v2
    serves_version "$PORT" v2
    serves_version "$second" v2
    upgrade v3
    serves_version "$PORT" v3
    serves_version "$second" v3
    stop_load
}

@test "a version that listens on one fewer address" {
    local second

    second=$(free_port)
    set_options --listen "127.0.0.1:$second"
    serve select
    serves_version "$second" v1
    start_load "$PORT" --clients 2
    set_options
    upgrade v2
    serves_version "$PORT" v2
    has_log "generation 2: does not listen on 127.0.0.1:$second any more: it is closed"
    wait_until refuses "$second"
    # and back again
    set_options --listen "127.0.0.1:$second"
    upgrade v3
    serves_version "$second" v3
    stop_load
}

@test "a listener that is given up is closed, however its generation has ended" {
    local second

    second=$(free_port)
    set_options --listen "127.0.0.1:$second"
    serve epoll-level
    set_options --start-when go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -STOP "$(first_pid 1)" # it will not retire
    touch go
    wait_for_log "generation 2: does not listen on 127.0.0.1:$second any more"
    kill -KILL "$(first_pid 1)"
    wait_for_log 'generation 1: was killed by SIGKILL before it had retired'
    wait_until refuses "$second"
    serves_version "$PORT" v1
}

@test "nobody who waits at a listener that is given up is lost" {
    local second failure

    second=$(free_port)
    set_options --listen "127.0.0.1:$second"
    serve epoll-level
    start_load "$second" --clients 4
    set_options
    upgrade v2
    wait_until refuses "$second"
    kill -TERM "$LOAD_PID"
    wait_gone "$LOAD_PID"
    LOAD_PID=
    # a port that is closed refuses, but whoever was let in is answered
    for failure in reset closed_early short wrong timeout other; do
        equal "$(load_value "$failure")" 0 "$failure"
    done
}

@test "a version that listens on another address" {
    local second

    second=$(free_port)
    set_version v1
    set_options --port "$PORT"
    start_server "$TESTS/thread" --version-file "$PWD/version" --options-file "$PWD/options"
    serves_version "$PORT" v1
    set_options --port "$second"
    upgrade v2
    serves_version "$second" v2
    wait_until refuses "$PORT"
    set_options --port "$PORT"
    upgrade v3
    serves_version "$PORT" v3
    wait_until refuses "$second"
}

@test "a port that the kernel has chosen is kept" {
    set_version v1
    start_server "$TESTS/epoll-edge" --port 0 --port 0 --print-port --version-file "$PWD/version"
    wait_until has_lines 2 "$OUT"
    PORT=$(sed -n 's/^port //p' "$OUT" | head -n 1)
    start_load "$PORT" --clients 2
    upgrade v2
    upgrade v3
    stop_load
    wait_until has_lines 6 "$OUT"
    equal "$(sed -n 3,4p "$OUT")" "$(sed -n 1,2p "$OUT")" "the ports of generation 2"
    equal "$(sed -n 5,6p "$OUT")" "$(sed -n 1,2p "$OUT")" "the ports of generation 3"
}

has_lines() {
    (($(wc -l <"$2") >= $1))
}

@test "SO_REUSEPORT: each of several listeners on one port is inherited" {
    set_version v1
    start_server "$TESTS/prefork" --reuseport --listen "127.0.0.1:$PORT" \
        --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT" --workers 6 \
        --version-file "$PWD/version"
    start_load "$PORT" --clients 4
    upgrade v2
    has_log "generation 2: started, pid [0-9]+, with 3 inherited listeners"
    upgrade v3
    serves_version "$PORT" v3
    stop_load
    has_no_log 'does not listen'
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 3 "listeners on the port"
}

listeners_on_port() {
    ss -Hltne "sport = :$PORT" | grep -oE 'ino:[0-9]+' | sort
}

has_listeners() {
    [[ $(listeners_on_port | wc -l) == "$1" ]]
}

@test "SO_REUSEPORT: what is bound to try the address is left for the workers" {
    local before

    start_server python3 -u "$PROGRAMS/reuseport_workers.py" "$PORT" 0.2
    wait_until has_listeners 2
    before=$(listeners_on_port)
    start_load "$PORT" --clients 4
    upgrade
    upgrade
    stop_load
    has_no_log 'does not listen'
    equal "$(listeners_on_port)" "$before" "listeners on the port"
}

# ---- what is carried over on adoption ----

# states FILE: the state number N that `adoption` has printed
state() {
    awk -v wanted="$2" '/^state of/ { number++ } number == wanted' "$1" | sed '/^end of state/q'
}

has_states() {
    (($(count_log '^end of state' "$2") >= $1))
}

@test "number, flags, options and epoll registrations made before bind are those of the new version" {
    local variant

    for variant in rich plain; do
        echo "$variant" >variant
        OUT=$BATS_TEST_TMPDIR/out-$variant start "$TESTS/adoption" "$(free_port)" variant
        wait_until has_states 1 "$BATS_TEST_TMPDIR/out-$variant"
        kill -TERM "$PID"
    done
    echo plain >variant
    start_server "$TESTS/adoption" "$PORT" variant
    for variant in plain rich plain rich rich; do
        echo "$variant" >>variants
        echo "$variant" >variant
        upgrade
        wait_until has_states "$(($(wc -l <variants) + 1))" "$OUT"
        state "$OUT" "$(($(wc -l <variants) + 1))" >adopted
        diff <(grep -v non-blocking "$BATS_TEST_TMPDIR/out-$variant") \
            <(grep -v non-blocking adopted) || fail "adopted as $variant"
        equal "$(ask "$PORT")" "1 $(first_pid "$(current_generation)") token" "after $variant"
    done
}

@test "O_NONBLOCK is what the new version asked for" {
    echo rich >variant
    start_server "$TESTS/adoption" "$PORT" variant
    echo plain >variant
    upgrade
    wait_until has_states 2 "$OUT"
    equal "$(state "$OUT" 2 | grep non-blocking)" "non-blocking 0" "after rich"
    echo rich >variant
    upgrade
    wait_until has_states 3 "$OUT"
    equal "$(state "$OUT" 3 | grep non-blocking)" "non-blocking 1" "after plain"
}

changes_blocking_under_load() {
    local name=$1 number=1 mode

    serve "$name" --workers 12
    start_load "$PORT" --clients 4 --kept 2 --kept-interval 10 --kept-life 0.5
    for mode in --nonblock --block --nonblock --block; do
        number=$((number + 1))
        set_options "$mode"
        upgrade "v$number"
        serves_version "$PORT" "v$number"
    done
    stop_load
}

@test "fork: between blocking and non-blocking under load" {
    changes_blocking_under_load fork
}

# As with a process for each client on a busy machine, where none has had the time to answer yet.
@test "there is always a new child that has not answered, and the upgrade goes on" {
    requires python3
    cat >server.py <<'END'
import os, select, signal, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
children = []
while True:
    if not os.path.exists("calm"):
        children.append(os.fork())
        if children[-1] == 0:
            signal.pause()
        os.kill(children[-1], signal.SIGSTOP)
    if len(children) > 10 or os.path.exists("calm") and children:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children.pop(0), 0)
    if select.select([listener], [], [], 0.02)[0]:
        with listener.accept()[0] as client:
            client.recv(100)
            client.sendall(b"1 %d token\n" % os.getpid())
END
    touch calm
    start_server python3 server.py "$PORT"
    rm calm
    wait_until has_children "$(first_pid 1)"
    kill -HUP "$PID"
    wait_for_log 'generation 2: (started|upgrade failed)'
    touch calm
    wait_ready 2
    wait_generation_gone 1
    equal "$(ask "$PORT")" "1 $(first_pid 2) token"
}

@test "thread: between blocking and non-blocking under load" {
    changes_blocking_under_load thread
}

@test "prefork: between blocking and non-blocking under load" {
    changes_blocking_under_load prefork
}

@test "poll: between blocking and non-blocking under load" {
    changes_blocking_under_load poll
}

@test "select: between blocking and non-blocking under load" {
    changes_blocking_under_load select
}

@test "epoll-level: between blocking and non-blocking under load" {
    changes_blocking_under_load epoll-level
}

# ---- who asks for an upgrade ----

@test "SIGHUP to the server's own process is passed on" {
    serve epoll-level
    kill -HUP "$(first_pid 1)"
    wait_ready 2
    wait_generation_gone 1
    kill -HUP "$(first_pid 2)"
    wait_ready 3
}

@test "SIGHUP to a process that blocks all signals, and to a worker, is passed on" {
    serve thread
    kill -HUP "$(first_pid 1)"
    wait_ready 2
    kill -TERM "$PID"
    wait_end
    LOG=$BATS_TEST_TMPDIR/log-2
    serve prefork
    kill -HUP "$(children "$(first_pid 1)" | cut -d' ' -f1)"
    wait_ready 2
    serves_version "$PORT" v1
}

@test "SIGHUP to every process at once is an upgrade or two" {
    serve prefork
    start_load "$PORT" --clients 2
    # shellcheck disable=SC2046 # a list of pids
    kill -HUP $(marked | grep -vx "$LOAD_PID")
    wait_ready 2
    upgrade v2
    stop_load
    # a worker that was late to run may have added one
    [[ $(count_ready) -le 5 ]] || fail "$(count_ready) generations"
}

@test "a SIGHUP handler that the server installs is not called by an upgrade" {
    local name

    for name in epoll-level thread fork; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name" --hup-handler
        upgrade v2
        kill -HUP "$(first_pid 2)"
        wait_ready 3
        wait_retired 2
        serves_version "$PORT" v2
        kill -TERM "$PID"
        wait_end
    done
    has_no_log 'own HUP handler' "$OUT"
}

@test "a worker that its master signals is no upgrade" {
    start_server "$TESTS/odd" --port "$PORT" --master
    kill -USR1 "$PID"
    wait_for_log '^signal 1 ' "$OUT"
    serves_version "$PORT" 1
    upgrade
    equal "$(newest_generation)" 2 "generation after one upgrade"
    has_log '^signal 1 ' "$OUT"
    equal "$(count_log '^signal 1 ' "$OUT")" 1 "signals to the worker"
}

@test "a timer of the program's own that sends SIGHUP is no upgrade" {
    mkfifo words
    start_server "$TESTS/threads" "$PORT" words accept tick
    wait_until grep -Eq '^ticked|generation 2: ' "$OUT" "$LOG"
    has_log '^ticked' "$OUT"
    has_no_log 'generation 2: '
}

@test "a parent without a listener that has a handler for SIGURG" {
    cat >run <<END
#!/bin/sh
trap : URG
trap 'kill "\$server"' TERM
"$TESTS/poll" --port $PORT --version-file "$PWD/version" &
server=\$!
while kill -0 "\$server" 2>/dev/null; do
    wait "\$server"
done
END
    chmod +x run
    set_version v1
    start_server ./run
    upgrade v2
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
}

# It cannot reach the helper, whose socket has an abstract name: vsftpd's sessions are such.
@test "a process in another network namespace that has a handler for SIGURG" {
    requires root
    cat >run <<END
#!/bin/sh
unshare -n sh -c 'trap : URG; trap "exit 0" TERM; echo trapped; while :; do sleep 0.1; done' &
session=\$!
trap 'kill "\$session" "\$server"' TERM
"$TESTS/poll" --port $PORT --version-file "$PWD/version" &
server=\$!
wait "\$server"
wait
END
    chmod +x run
    set_version v1
    start_server ./run
    wait_for_log trapped "$OUT"
    upgrade v2
    serves_version "$PORT" v2
    has_no_log 'has not given up|killed'
}

@test "the hang-up of a terminal is no upgrade, and ends the server as it would without us" {
    local plain

    start "$PROGRAMS/terminal.py" plain.pid plain.log "$TESTS/epoll-level" --port "$PORT"
    wait_until ask "$PORT"
    kill -USR2 "$PID"
    wait_for_log '^ended ' "$OUT"
    plain=$(<"$OUT")
    : >"$OUT"
    PRELOAD=$LIBRARY TFPRELOAD_LOG=debug \
        start "$PROGRAMS/terminal.py" server.pid "$LOG" "$TESTS/epoll-level" --port "$PORT"
    wait_ready 1
    kill -USR2 "$PID"
    wait_for_log '^ended ' "$OUT"
    equal "$(<"$OUT")" "$plain" "how the terminal's program ended"
    has_no_log 'upgrade from generation'
}

# ---- several requests, several generations ----

@test "several requests while a generation starts count as one" {
    serve poll
    set_options --start-when go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -HUP "$(first_pid 1)"
    wait_for_log 'generation 2 is not ready yet: the upgrade is noted'
    kill -HUP "$PID"
    kill -HUP "$PID"
    "$HELPER" status "$PID" # which it answers after it has seen them
    touch go
    wait_ready 2
    wait_ready 3
    wait_retired 2
    upgrade
    equal "$(current_generation)" 4 "generations after one request, several as one, and one"
}

@test "a request while the first generation starts is kept" {
    export TFPRELOAD_LOG=debug
    set_version v1
    set_options --start-when go
    start_with_library "$TESTS/fork" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    wait_for_log 'generation 1: started'
    kill -HUP "$PID"
    wait_for_log 'the upgrade is noted'
    touch go
    wait_ready 1
    wait_ready 2
    wait_generation_gone 1
    serves_version "$PORT" v1
}

@test "upgrades go on while older generations drain" {
    local connections=() number

    serve epoll-level
    start_load "$PORT" --clients 2
    for number in 1 2 3; do
        keep "$PORT"
        connections+=("$KEPT")
        equal "$(ask_kept)" "v$number $(first_pid "$number") kept"
        upgrade "v$((number + 1))"
    done
    # all three drain, each with its own connection
    for number in 1 2 3; do
        wait_for_log "generation $number: draining"
        equal "$(ask_kept "${connections[number - 1]}")" "v$number $(first_pid "$number") kept"
    done
    serves_version "$PORT" v4
    stop_load
    close_kept
    for number in 1 2 3; do
        wait_generation_gone "$number"
    done
    has_no_log 'exit timeout'
}

@test "twenty requests as fast as they come lose nothing" {
    local number

    serve epoll-edge
    start_load "$PORT" --clients 4 --kept 2 --kept-interval 10 --kept-life 0.5
    for ((number = 1; number <= 20; number++)); do
        kill -HUP "$PID"
        serves_version "$PORT" v1
    done
    set_version v2
    kill -HUP "$PID"
    wait_until serves_version "$PORT" v2
    stop_load
    has_no_log 'upgrade failed'
}

@test "a helper that is held up for a while does not make an upgrade fail" {
    local new

    serve poll
    set_options --start-when go
    set_version v2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    new=$(sed -nE 's/.*generation 2: started, pid ([0-9]+),.*/\1/p' "$LOG")
    # as on a busy machine: the new version asks for its listener, and has to wait for the answer
    kill -STOP "$PID"
    touch go
    timeout 2.5 tail --pid="$new" -f /dev/null || true # its end, if it gives up
    kill -CONT "$PID"
    wait_ready 2
    wait_retired 1
    serves_version "$PORT" v2
    has_no_log 'upgrade failed'
}

# ---- servers with odd habits ----

odd_under_load() {
    set_version v1
    start_server "$TESTS/odd" --port "$PORT" --version-file "$PWD/version" "$@"
    start_load "$PORT" --clients 3 --kept 2 --kept-interval 10 --kept-life 0.5
    upgrade v2
    serves_version "$PORT" v2
    upgrade v3
    serves_version "$PORT" v3
    wait_generation_gone 1
    wait_generation_gone 2
    stop_load
}

@test "a server that closes every descriptor at its start" {
    odd_under_load --close-all
}

@test "a server that resets every signal and blocks all of them" {
    odd_under_load --reset-signals --block-all
}

@test "a server that drops root" {
    requires root
    chmod 755 .
    odd_under_load --uid 65534
}

@test "a server that changes its root directory" {
    requires root
    mkdir empty
    odd_under_load --chroot "$PWD/empty"
}

@test "a server that changes its root directory and drops root" {
    requires root
    mkdir empty
    chmod 755 . empty
    odd_under_load --chroot "$PWD/empty" --uid 65534
}

@test "a server whose descriptors are used up" {
    local i

    ulimit -Sn 24
    serve epoll-level
    ulimit -Sn 1024
    for ((i = 0; i < 30; i++)); do
        keep "$PORT"
    done
    wait_for_log 'accept: Too many open files'
    upgrade v2
    serves_version "$PORT" v2
    close_kept
    wait_generation_gone 1
}

@test "a Python server that knows nothing of us" {
    set_version v1
    start_server python3 -u "$PROGRAMS/http_server.py" "$PORT" version
    start_load "$PORT" --clients 2 --protocol http --expect v
    upgrade v2
    upgrade v3
    stop_load
    start_load "$PORT" --clients 1 --protocol http --expect v3
    stop_load
}

#!/usr/bin/env bats
#
# tfhelper wait and stop, and what all commands share: who may, how many, usage. (tfhelper upgrade
# and status have suites of their own; what a stop does to connections is in stop.bats.)
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load control

# ---- wait ----

@test "wait right after the start, for a server that takes its time" {
    set_options --start-delay 500
    start_with_library "$TESTS/poll" --port "$PORT" --version v1 --options-file "$PWD/options"
    controls 0 wait "$PID"
    equal "$(cat answer errors)" ""
    serves_version "$PORT" v1
    wait_ready 1
}

@test "wait for a service that is ready, and for one that upgrades" {
    serve poll
    controls 0 wait "$PID"
    set_version v2
    set_options --start-delay 500
    kill -HUP "$PID"
    wait_for_log 'upgrade from generation 1 begins'
    controls 0 wait --for ready "$PID"
    serves_version "$PORT" v2
}

@test "wait after an upgrade that has failed: the old one is ready" {
    serve poll
    set_options --start-delay 300 --exit 1
    kill -HUP "$PID"
    wait_for_log 'upgrade from generation 1 begins'
    controls 0 wait "$PID"
    has_log 'generation 2: upgrade failed'
}

@test "wait --for drained" {
    serve poll
    keep "$PORT"
    ask_kept
    upgrade
    controls 0 wait "$PID"
    controls 4 wait --for drained --timeout 0.3 "$PID"
    equal "$(cat errors)" "tfhelper: not so after the time given"
    start_control wait --for drained "$PID"
    wait_until is_connected "$CONTROL"
    refute is_gone "$CONTROL"
    close_kept
    end_control 0
    has_log 'generation 1: gone'
}

@test "wait --for gone" {
    serve poll
    controls 4 wait --for gone --timeout 0.3 "$PID"
    start_control wait --for gone "$PID"
    wait_until is_connected "$CONTROL"
    kill -TERM "$PID"
    end_control 0
    is_gone "$PID" || fail "the helper is there after wait --for gone"
    controls 0 wait --for gone "$PID"
    controls 0 wait --for gone no-such-pidfile
    equal "$(cat answer errors)" ""
}

@test "wait for a pidfile that appears later" {
    start_control wait --timeout 15 service.pid
    : >service.pid # as somebody does who then writes into it
    TFPRELOAD_PIDFILE=$PWD/service.pid serve poll --start-delay 300
    end_control 0
    controls 4 wait --timeout 0.2 other.pid
    equal "$(cat errors)" "tfhelper: other.pid: no service yet"
}

@test "wait for a service that ends before it is ready" {
    start_with_library "$TESTS/poll" --port "$PORT" --start-when go --exit 7
    start_control wait "$PID"
    wait_until is_connected "$CONTROL"
    touch go
    end_control 3
    has_log '^tfhelper: the service has ended$' errors
    wait_end
    equal "$STATUS" 7
}

# is_connected PID: one of its unix sockets is
is_connected() {
    local inode

    for inode in $(sockets "$1"); do
        ! awk -v inode="$inode" '$7 == inode { found = $6 == "03" } END { exit !found }' \
            /proc/net/unix || return 0
    done
    return 1
}

@test "wait for a service that is not ready in time" {
    TFPRELOAD_READY_TIMEOUT=0.5 start_with_library sleep 1000
    controls 1 wait "$PID"
    equal "$(cat errors)" "tfhelper: the server was not ready in time; it runs on"
    controls 1 wait --for drained "$PID"
    controls 4 wait --for gone --timeout 0.1 "$PID"
}

@test "wait for a process that is no service" {
    start sleep 1000
    controls 4 wait --timeout 0.2 "$PID"
    equal "$(cat errors)" "tfhelper: $PID: no service yet"
    controls 3 wait "$PID"
    has_log "^tfhelper: process $PID does not belong to a service of tfpreload" errors
}

# ---- stop ----

@test "stop returns when the service is gone, with the status that the server ended with" {
    TFPRELOAD_PIDFILE=$PWD/service.pid serve poll --term-status 7
    controls 0 stop "$PID"
    equal "$(cat answer errors)" ""
    is_gone "$PID" || fail "the helper is there after stop"
    [[ ! -e service.pid ]] || fail "the pidfile is there after stop"
    refuses "$PORT" || fail "somebody accepts after stop"
    wait_end
    equal "$STATUS" 7
}

@test "stop: another service can have the port at once" {
    local i

    for i in 1 2 3 4 5; do
        serve prefork
        controls 0 stop "$PID"
        : >"$LOG"
    done
}

@test "stop of a program that never waits for clients" {
    TFPRELOAD_READY_TIMEOUT=0.3 start_with_library sleep 1000
    wait_for_log 'does not wait for clients'
    controls 0 stop "$PID"
    is_gone "$PID"
    wait_end
    equal "$STATUS" 143
}

@test "stop kills who ignores the stop signal" {
    TFPRELOAD_EXIT_TIMEOUT=0.3 start "$HELPER" -- sh -c "trap '' TERM; '$TESTS/poll' --port $PORT"
    wait_ready 1
    kill -STOP "$(first_pid 1)"
    controls 1 stop "$PID"
    is_gone "$PID"
}

# ---- who may, and how many ----

@test "another user is refused, and the service does not notice" {
    requires root setpriv
    serve poll
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" .
    cp "$HELPER" .
    local command

    for command in upgrade status stop "wait --timeout 1"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups \
            "$PWD/tfhelper" $command "$PID" # 3: no service, as far as that user knows
        [[ $status == 3 || $status == 4 ]] || fail "$command: status $status"
        equal "$output" "" "stdout of $command"
        equal "${#stderr_lines[@]}" 1 "lines on stderr of $command"
        [[ $stderr == "tfhelper: "* ]] || fail "$command: $stderr"
    done
    equal "$(wc -l <"$LOG")" 1 "lines in the log"
    controls 0 upgrade "$PID"
}

@test "a client that hangs holds nobody up, and finds out when it goes on" {
    serve poll
    start_control wait --for gone "$PID"
    wait_until grep -q . "/proc/$CONTROL/stat"
    wait_until sleeps "$CONTROL"
    kill -STOP "$CONTROL"
    local i

    # as many events as the socket holds, and then it is closed
    for i in {1..60}; do
        "$HELPER" upgrade "$PID" >/dev/null
    done
    wait_until lost_client
    kill -CONT "$CONTROL"
    wait_until has_client
    controls 4 wait --for gone --timeout 0.5 "$PID"
    has_client || fail "the client has not come back"
    refute is_gone "$CONTROL"
    controls 0 stop "$PID"
    wait_end "$CONTROL"
    equal "$STATUS" 0
}

has_client() {
    refute lost_client
}

# The helper has no connection any more, and listens on.
lost_client() {
    [[ $(ss -xHnp 2>/dev/null | grep -c "@tfpreload-.*pid=$PID,") == 0 ]]
}

# A process in poll(2) for an event.
sleeps() {
    grep -q '^State:.S' "/proc/$1/status" && [[ $(sockets "$1") ]]
}

# client: notes its status, which the shell forgets once another child has got the pid
client() {
    local status=0

    "$HELPER" wait --for gone "$PID" </dev/null >>answer 2>>errors || status=$?
    echo "$status" >>statuses
}

have_ended() {
    equal "$(wc -l <statuses)" "$1" "clients that have ended"
}

@test "300 clients at once" {
    serve poll
    local i

    for i in {1..300}; do
        client 3>&- &
        STARTED+=($!)
    done
    wait_until all_connected "$PID" 300
    controls 0 status "$PID"
    controls 0 upgrade "$PID"
    controls 0 stop "$PID"
    wait_until have_ended 300
    equal "$(sort -u statuses)" 0 "what the clients ended with: $(sort -u errors)"
}

# all_connected PID COUNT: so many sockets of the helper, beside a few of its own
all_connected() {
    (($(sockets "$1" | wc -l) >= $2))
}

@test "more clients than the helper may have descriptors" {
    start sh -c "ulimit -Sn 48; exec '$HELPER' -- '$TESTS/poll' --port $PORT"
    wait_ready 1
    local i pids=()

    for i in {1..60}; do
        "$HELPER" wait --for gone "$PID" </dev/null >>answer 2>>errors 3>&- &
        pids+=($!)
    done
    STARTED+=("${pids[@]}")
    wait_until all_connected "$PID" 15
    controls 0 status "$PID"
    kill -HUP "$PID"
    wait_ready 2
    kill -TERM "$PID"
    for i in "${pids[@]}"; do
        wait_end "$i"
        equal "$STATUS" 0 "status of one of the clients: $(sort -u errors)"
    done
}

@test "no descriptor is left in the helper" {
    serve poll
    controls 0 upgrade --drained "$PID"
    local before i

    before=$(steady_descriptors "$PID")
    for i in {1..40}; do
        "$HELPER" status "$PID" >/dev/null
        "$HELPER" wait "$PID"
        "$HELPER" wait --for gone --timeout 0.01 "$PID" 2>/dev/null || true
    done
    for i in 1 2 3; do
        controls 0 upgrade --drained "$PID"
    done
    set_options --exit 3
    controls 1 upgrade "$PID"
    wait_until has_descriptors "$before" || fail "$(diff <(echo "$before") <(descriptors "$PID"))"
}

has_descriptors() {
    [[ $(descriptors "$PID") == "$1" ]]
}

# ---- usage ----

@test "usage of each command" {
    local command

    for command in upgrade status wait stop; do
        [[ $command == status ]] || refused "takes one PID, or the path of a pidfile" "$command"
        refused "takes one PID, or the path of a pidfile" "$command" 1 2
        refused "no pid; a pid is greater than 0" "$command" 0
        refused "no pid; a pid is greater than 0" "$command" -- -1
        refused "no pid; a pid is greater than 0" "$command" 99999999999999999999
        refused "-z: unknown option of $command" "$command" -z 1
        refused "-z: unknown option of $command" "$command" 1 -zy
        refused "--unknown: unknown option of $command" "$command" --unknown 1
        echo nonsense >text
        refused "./text: does not begin with a pid" "$command" ./text
        refused "Is a directory|does not begin with a pid" "$command" /
    done
    for command in upgrade wait stop; do
        refused "--timeout x: expected seconds greater than 0" "$command" --timeout x 1
        refused "--timeout 0: expected seconds greater than 0" "$command" --timeout 0 1
        refused "--timeout -1: expected seconds greater than 0" "$command" --timeout=-1 1
        refused "--timeout: an argument is missing" "$command" 1 --timeout
    done
    refused "--for: an argument is missing" wait 1 --for
    refused "--for READY: expected ready, drained or gone" wait --for READY 1
    refused "--json and --metrics exclude each other" status --json --metrics 1
}

# refused PATTERN ARGUMENT...: a usage error, which says so
refused() {
    local pattern=$1

    shift
    controls 2 "$@"
    no_answer
    has_log "^tfhelper: .*($pattern)" errors || fail "$(cat errors)"
}

@test "no such service" {
    local command pid

    bash -c 'echo $$' >old.pid
    pid=$(cat old.pid)
    for command in upgrade status stop wait; do
        controls 3 "$command" "$pid"
        equal "$(cat answer errors)" "tfhelper: there is no process $pid"
    done
    : >empty.pid
    for command in upgrade status stop; do
        controls 3 "$command" no-such-file
        equal "$(cat errors)" \
            "tfhelper: no-such-file: no such pidfile, or an empty one; the service is not running"
        controls 3 "$command" empty.pid
        controls 3 "$command" $$
        has_log "^tfhelper: process $$ does not belong to a service" errors
        no_answer
    done
}

@test "--help of each command names its options, and those alone are taken" {
    local command option

    for command in upgrade status wait stop; do
        controls 0 "$command" --help
        equal "$(cat errors)" ""
        has_log "^usage: tfhelper $command \[OPTION\]... PID" answer
        has_log "^Exit status: 0 " answer
        cp answer help
        for option in drained json metrics watch "timeout 1" "for gone"; do
            # shellcheck disable=SC2086 # two words
            if grep -q -e "^ *--${option% *}" help; then
                refused "0: no pid" "$command" --$option 0
            else
                refused "--${option% *}: unknown option of $command" "$command" --$option 0
            fi
        done
        controls 0 "$command" -h
        cmp answer help
    done
    controls 0 --help
    for command in run upgrade status wait stop check; do
        has_log "^ +$command " answer
    done
}

@test "what is wrong with a command points to the help of that command" {
    local command

    for command in upgrade status wait commit rollback signal stop check; do
        control "$command" --unknown
        equal "$(tail -n 1 errors)" "Try 'tfhelper $command --help'."
    done
    control --unknown
    equal "$(tail -n 1 errors)" "Try 'tfhelper --help'."
}

# ---- pidfiles ----

@test "wait: a pidfile that names nobody any more is one of a service that has ended" {
    sh -c 'echo $$' >pidfile
    start_control wait --timeout "$PATIENCE" "$PWD/pidfile"
    controls 4 wait --timeout 0.2 pidfile
    controls 0 wait --for gone pidfile
    controls 3 wait "$(<pidfile)"
    start "$HELPER" --pidfile pidfile -- "$TESTS/poll" --port "$PORT"
    wait_ready 1
    end_control 0
}

@test "two services with one pidfile: the second one says so" {
    start "$HELPER" --pidfile pidfile -- "$TESTS/poll" --port "$PORT"
    wait_ready 1
    LOG=$BATS_TEST_TMPDIR/log-2
    : >"$LOG"
    start "$HELPER" --pidfile pidfile -- "$TESTS/poll" --port "$(free_port)"
    wait_ready 1
    wait_for_log "^tfpreload: the pidfile pidfile was that of process ${STARTED[0]}, another service that runs\$"
    # a service that is started again has it for itself
    kill -TERM "$PID" "${STARTED[0]}"
    wait_gone "$PID" "${STARTED[0]}"
    : >"$LOG"
    echo "${STARTED[0]}" >pidfile
    start "$HELPER" --pidfile pidfile -- "$TESTS/poll" --port "$PORT"
    wait_until grep -qx "$PID" pidfile
    has_no_log 'was that of'
}

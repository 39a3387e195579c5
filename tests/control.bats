#!/usr/bin/env bats
#
# tfhelper upgrade, wait and stop, as an operator and as a script uses them. (What a stop does to
# connections is in stop.bats, and tfhelper status has a suite of its own.)
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# control ARGUMENT...: tfhelper, with its stdout in `answer`, its stderr in `errors`, and STATUS
control() {
    STATUS=0
    timeout "$PATIENCE" "$HELPER" "$@" >answer 2>errors </dev/null 3>&- || STATUS=$?
}

# controls STATUS ARGUMENT...: it ends with that status
controls() {
    local wanted=$1

    shift
    control "$@"
    equal "$STATUS" "$wanted" "status of tfhelper $*, which said: $(cat answer errors)"
}

# start_control ARGUMENT...: in the background, as CONTROL
start_control() {
    : >answer
    : >errors
    {
        close_kept
        exec "$HELPER" "$@"
    } >answer 2>errors </dev/null 3>&- &
    CONTROL=$!
    STARTED+=("$CONTROL")
}

# end_control STATUS: the one in the background ends with that status
end_control() {
    wait_end "$CONTROL"
    equal "$STATUS" "$1" "status of tfhelper, which said: $(cat answer errors)"
}

# answer PATTERN: all that was said on stdout is one line, and this
answer() {
    equal "$(wc -l <answer)" 1 "lines on stdout"
    has_log "^$1\$" answer || fail "$(cat answer)"
}

no_answer() {
    equal "$(cat answer)" "" "stdout"
}

# serve_by_script: a server that says many lines on stderr and exits with 3, if the file `broken`
# is there, and serves otherwise
serve_by_script() {
    cat >server <<END
#!/bin/sh
if [ -e broken ]; then
    i=0
    while [ \$i -lt 30 ]; do
        i=\$((i + 1))
        echo "line \$i of the failure" >&2
    done
    exit 3
fi
exec "$TESTS/poll" --port "$PORT" --version v1
END
    chmod +x server
}

# ---- upgrade ----

@test "a command that is faster than the shell, which has not executed tfhelper yet" {
    local command

    serve_by_script
    for command in status upgrade stop; do
        start sh -c "sleep 0.3; exec '$HELPER' -- ./server"
        controls 0 "$command" "$PID"
        [[ $command == stop ]] || kill -TERM "$PID"
        wait_gone "$PID"
    done
}

@test "upgrade waits for the outcome, and says it in one line" {
    serve poll
    set_version v2
    controls 0 upgrade "$PID"
    answer 'generation 2 ready after [0-9.]+ m?s; generation 1 has no connections left'
    equal "$(cat errors)" ""
    serves_version "$PORT" v2
}

@test "upgrade says how many connections the old generation drains" {
    serve epoll-level
    keep "$PORT"
    ask_kept
    keep "$PORT"
    ask_kept
    controls 0 upgrade "$PID"
    answer 'generation 2 ready after .*; generation 1 draining 2 connections'
    close_kept
    wait_generation_gone 1
    keep "$PORT"
    ask_kept
    controls 0 upgrade "$PID"
    answer 'generation 3 ready after .*; generation 2 draining 1 connection'
}

@test "upgrade by the pid of any process of the service" {
    serve prefork
    controls 0 upgrade "$PID"
    answer "generation 2 ready after .*"
    controls 0 upgrade "$(first_pid 2)"
    answer "generation 3 ready after .*"
    controls 0 upgrade "$(children "$(first_pid 3)" | awk '{ print $2 }')"
    answer "generation 4 ready after .*"
}

@test "upgrade by the pid of a process without privileges, in a root of its own" {
    requires root
    serve poll --chroot "$PWD" --user 65534
    controls 0 upgrade "$(first_pid 1)"
    answer "generation 2 ready after .*"
}

@test "upgrade by the pid of a process that has lost its environment" {
    requires env
    set_version v1
    start "$HELPER" -- sh -c "'$TESTS/poll' --port $PORT --version v1 & env -i sleep 1000"
    wait_ready 1
    controls 0 wait "$(pgrep -f '^sleep 1000' -P "$(first_pid 1)")"
    kill "$(pgrep -P "$(first_pid 1)" poll)"
    kill "$(pgrep -P "$(first_pid 1)" sleep)"
}

@test "upgrade by the path of a pidfile, the service's or the server's own" {
    TFPRELOAD_PIDFILE=$PWD/service.pid serve poll --pidfile "$PWD/server.pid"
    controls 0 upgrade service.pid
    answer "generation 2 ready after .*"
    controls 0 upgrade "$PWD/server.pid"
    answer "generation 3 ready after .*"
    printf '%s and more\n\n' "$PID" >odd.pid
    controls 0 upgrade ./odd.pid
    answer "generation 4 ready after .*"
}

@test "a failed upgrade: the reason, and what the process wrote to stderr" {
    serve_by_script
    start_server ./server
    touch broken
    controls 1 upgrade "$PID"
    no_answer
    equal "$(sed -n 1p errors | sed -E 's/after [0-9.]+ m?s/after T/')" \
        "tfhelper: the upgrade to generation 2 failed: exited with status 3 after T, before it was ready"
    equal "$(sed 1d errors)" "written to stderr meanwhile:
$(seq -f '    line %.0f of the failure' 21 30)"
    serves_version "$PORT" v1
    rm broken
    controls 0 upgrade "$PID"
    answer "generation 3 ready after .*"
}

@test "a failed upgrade that wrote nothing" {
    serve poll
    set_options --exit 0
    controls 1 upgrade "$PID"
    has_log '^nothing was written to stderr meanwhile$' errors
}

@test "a failed upgrade that was killed by a signal" {
    serve poll
    set_options --crash
    controls 1 upgrade "$PID"
    has_log '^tfhelper: the upgrade to generation 2 failed: was killed by SIG' errors
}

# shellcheck disable=SC2016 # for the shell in there
@test "a failed upgrade that was killed by a real-time signal" {
    printf '#!/bin/sh\n[ ! -e broken ] || kill -36 $$\nexec "$@"\n' >server
    chmod +x server
    start_server ./server "$TESTS/poll" --port "$PORT" --version v1
    touch broken
    controls 1 upgrade "$PID"
    has_log '^tfhelper: the upgrade to generation 2 failed: was killed by signal 36 after' errors
}

@test "a failed upgrade of a server that logs JSON" {
    export TFPRELOAD_LOG_FORMAT=json
    printf '#!/bin/sh\n[ ! -e broken ] || { cat broken >&2; exit 3; }\nexec "$@"\n' >server
    chmod +x server
    start_with_library ./server "$TESTS/poll" --port "$PORT" --version v1
    wait_for_log '"message":"generation 1: ready after'
    printf '%s\n' '{"time":"2026-01-01T00:00:00Z","level":"error","message":"no database"}' \
        '{"time":"2026-01-01T00:00:00Z","message":"\"source\":\"tfpreload\", no"}' >broken
    controls 1 upgrade "$PID"
    equal "$(sed 1d errors)" "written to stderr meanwhile:
$(sed 's/^/    /' broken)"
}

@test "a failed upgrade of a program that is not there any more" {
    cp "$TESTS/poll" server
    start_server ./server --port "$PORT"
    rm server
    controls 1 upgrade "$PID"
    has_log '^tfhelper: the upgrade to generation 2 failed: cannot execute ./server: No such' errors
    equal "$(wc -l <errors)" 1 "lines on stderr"
}

@test "a failed upgrade, where stderr is a pipe" {
    serve_by_script
    start bash -c "exec '$HELPER' -- ./server 2> >(cat >&2)"
    wait_ready 1
    touch broken
    controls 1 upgrade "$PID"
    has_log '^its stderr is a pipe: look where that leads$' errors
    has_no_log 'line 30' errors
}

@test "a failed upgrade, where stderr is /dev/null" {
    serve_by_script
    start sh -c "exec '$HELPER' -- ./server 2>/dev/null"
    controls 0 wait "$PID"
    touch broken
    controls 1 upgrade "$PID"
    has_log '^its stderr is /dev/null: look there$' errors
}

@test "a failed upgrade, where stderr is a terminal" {
    serve_by_script
    start python3 "$PROGRAMS/terminal.py" terminal.pid - "$HELPER" -- ./server
    controls 0 wait --timeout 10 terminal.pid
    touch broken
    controls 1 upgrade terminal.pid
    has_log '^its stderr is /dev/pts/[0-9]+: look there$' errors
    controls 0 stop terminal.pid
}

@test "a failed upgrade, where stderr is a socket as the journal's" {
    serve_by_script
    start python3 -c '
import socket, subprocess, sys
ours, its = socket.socketpair()
service = subprocess.Popen(sys.argv[1:], stderr=its)
with open("service.pid", "w") as file:
    file.write(str(service.pid))
sys.exit(service.wait())' "$HELPER" -- ./server
    controls 0 wait service.pid
    touch broken
    controls 1 upgrade service.pid
    has_log '^its stderr is a socket, of the journal under systemd: journalctl _PID=[0-9]+$' errors
    controls 0 stop service.pid
}

@test "an upgrade that runs into the ready timeout" {
    TFPRELOAD_READY_TIMEOUT=0.5 serve poll
    set_options --hang
    controls 1 upgrade "$PID"
    has_log '^tfhelper: the upgrade to generation 2 failed: not ready within the ready timeout' errors
    serves_version "$PORT" v1
}

@test "an upgrade in progress is waited for" {
    serve poll
    set_options --start-when go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    start_control upgrade "$PID"
    wait_for_log '^generation 2 is not ready yet: this upgrade waits for its turn$' errors
    touch go
    end_control 0
    answer 'generation 3 ready after .*'
}

@test "an upgrade before the service is ready waits for its turn" {
    set_options --start-when go
    start_with_library "$TESTS/poll" --port "$PORT" --options-file "$PWD/options"
    wait_until "$HELPER" status "$PID"
    start_control upgrade "$PID"
    wait_for_log '^generation 1 is not ready yet: this upgrade waits for its turn$' errors
    touch go
    end_control 0
    answer 'generation 2 ready after .*'
}

@test "several upgrades at once: each gets its outcome, and those that wait share one" {
    serve poll
    set_options --start-when go
    local i

    for i in 1 2 3 4 5; do
        "$HELPER" upgrade "$PID" >"answer$i" 2>"errors$i" </dev/null 3>&- &
        STARTED+=("$!")
    done
    wait_until four_wait_for_their_turn
    touch go
    for i in 1 2 3 4 5; do
        wait_end "${STARTED[i]}"
        equal "$STATUS" 0 "status of the upgrade $i"
        has_log '^generation [23] ready after' "answer$i"
    done
    equal "$(current_generation)" 3
}

# counts_down FILE: the line has been written anew, with less time left
counts_down() {
    local left

    left=$(tr '\r' '\n' <"$1" | grep -aoE 'left, [0-9]+ s' | uniq)
    (($(wc -l <<<"$left") > 1)) && sort -C -t' ' -k2nr <<<"$left"
}

four_wait_for_their_turn() {
    equal "$(cat errors? | grep -c 'waits for its turn$')" 4 "upgrades that wait"
}

@test "--drained waits until the old generation is gone; plain lines where there is no terminal" {
    serve poll
    keep "$PORT"
    ask_kept
    keep "$PORT"
    ask_kept
    start_control upgrade --drained "$PID"
    wait_for_log '^generation 1: 2 connections left, [23][0-9] s to the exit timeout$' errors
    answer 'generation 2 ready after .*; generation 1 draining 2 connections'
    close_kept
    end_control 0
    equal "$(sed 1d answer)" "generation 1 gone"
    has_log 'generation 1: gone' # at that very moment
    has_no_log $'[\r\e]' errors
}

@test "--drained keeps a live line on a terminal" {
    serve poll
    keep "$PORT"
    ask_kept
    start python3 "$PROGRAMS/terminal.py" terminal.pid - "$HELPER" upgrade --drained "$PID"
    wait_for_log $'\rgeneration 1: 1 connection left, [23][0-9] s to the exit timeout' "$OUT"
    wait_until counts_down "$OUT"
    close_kept
    wait_for_log 'ended 0' "$OUT"
    has_log 'generation 1 gone' "$OUT"
    PID=${STARTED[0]}
}

@test "--drained of a generation that has to be stopped" {
    TFPRELOAD_EXIT_TIMEOUT=0.5 serve poll
    keep "$PORT"
    ask_kept
    controls 0 upgrade --drained "$PID"
    equal "$(sed 1d answer)" "generation 1 gone; 1 connection did not end in time"
}

@test "--drained of a generation that has never given up its listeners" {
    TFPRELOAD_EXIT_TIMEOUT=0.5 serve poll
    set_options --start-delay 2000
    start_control upgrade --drained "$PID"
    wait_for_log 'generation 2: started'
    kill -STOP "$(first_pid 1)"
    end_control 0
    has_log 'generation 1: did not give up its listeners after .*: it is told to stop'
    equal "$(sed 1d answer)" "generation 1 gone"
}

@test "--drained, and another upgrade meanwhile" {
    serve poll
    keep "$PORT"
    ask_kept
    start_control upgrade --drained "$PID"
    wait_for_log '1 connection left' errors
    upgrade
    upgrade
    refute is_gone "$CONTROL"
    close_kept
    end_control 0
    equal "$(sed 1d answer)" "generation 1 gone"
}

@test "upgrade --timeout: no outcome in time" {
    serve poll
    set_options --start-when go
    controls 4 upgrade --timeout 0.2 "$PID"
    equal "$(cat errors)" "tfhelper: the upgrade has no outcome yet; it goes on"
    touch go
    wait_ready 2
}

@test "upgrade --drained --timeout: ready, and not drained in time" {
    serve poll
    keep "$PORT"
    ask_kept
    controls 4 upgrade --drained --timeout 0.5 "$PID"
    answer 'generation 2 ready after .*; generation 1 draining 1 connection'
    has_log '^tfhelper: generation 1 is not gone yet; it drains on$' errors
    ask_kept
}

@test "an upgrade when the service ends meanwhile" {
    serve poll
    set_options --start-delay 60000
    start_control upgrade "$PID"
    wait_for_log 'generation 2: started'
    kill -TERM "$PID"
    end_control 1
    no_answer
    has_log '^tfhelper: (the upgrade to generation 2 failed: |the service )' errors
}

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
    controls 0 stop "$PID"
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

@test "300 clients at once" {
    serve poll
    local i pids=()

    for i in {1..300}; do
        "$HELPER" wait --for gone "$PID" </dev/null >>answer 2>>errors 3>&- &
        pids+=($!)
    done
    STARTED+=("${pids[@]}")
    wait_until all_connected "$PID" 300
    controls 0 status "$PID"
    controls 0 upgrade "$PID"
    controls 0 stop "$PID"
    for i in "${pids[@]}"; do
        wait_end "$i"
        equal "$STATUS" 0 "status of one of the clients: $(sort -u errors)"
    done
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
        refused "takes one PID, or the path of a pidfile" "$command"
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

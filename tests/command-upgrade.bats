#!/usr/bin/env bats
#
# tfhelper upgrade, as an operator and as a script uses it.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load control

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

# bats test_tags=fast
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
    controls 5 upgrade --drained "$PID"
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

@test "an upgrade that waits for a first generation which dies: 1, and the reason" {
    local i

    for i in 1 2 3 4 5 6; do
        rm -f go
        set_options --start-when go --exit 4
        start_with_library "$TESTS/poll" --port "$PORT" --options-file options
        start_control upgrade "$PID"
        wait_until grep -q 'this upgrade waits for its turn' errors
        touch go
        end_control 1
        has_log '^tfhelper: the service has ended meanwhile$' errors
        wait_end
    done
}

@test "a helper that is stopped: the timeout holds, and it is said" {
    serve poll
    kill -STOP "$PID"
    controls 4 upgrade --timeout 1 "$PID"
    equal "$(<errors)" "tfhelper: the helper, process $PID, is stopped: it answers once it gets SIGCONT"
    controls 4 stop --timeout 0.2 "$PID"
    kill -CONT "$PID"
    serves_version "$PORT" v1
}

@test "what clients lose is said by each command, and once in the log" {
    cp "$TESTS/poll" memcached
    start_server ./memcached --port "$PORT"
    controls 0 upgrade "$PID"
    has_log '^note: ./memcached keeps what its clients have stored in memory alone' errors
    controls 0 upgrade "$PID"
    has_log '^note: ./memcached keeps' errors
    equal "$(count_log '^tfpreload: generation [0-9]+: ./memcached keeps')" 1 "lines"
}

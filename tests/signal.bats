#!/usr/bin/env bats
#
# tfhelper signal: one for every generation that lives; log rotation, and needrestart's upgrades.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# Two generations of a server that reopens its log; the first one has a kept connection.
serve_two_generations() {
    requires python3
    start "$HELPER" --pidfile pidfile -- python3 "$PROGRAMS/reopens.py" "$PORT"
    wait_ready 1
    keep "$PORT"
    equal "$(ask_kept)" "answer GET kept"
    upgrade
    wait_for_log 'generation 1: draining 1 connection'
}

# Both generations write into the new file, and into no other.
both_have_reopened() {
    local old=$1

    : >"$old"
    wait_until reopened_by_both
    [[ ! -s $old ]] || fail "still written to: $(<"$old")"
}

reopened_by_both() {
    ask_kept >/dev/null
    ask "$PORT" >/dev/null
    grep -q "^$(first_pid 1) " requests.log && grep -q "^$(first_pid 2) " requests.log
}

@test "a signal for every generation: those that drain reopen their log, too" {
    serve_two_generations
    mv requests.log old.log
    run --separate-stderr "$HELPER" signal USR1 "$PID"
    equal "$status:$output:$stderr" "0:USR1 has been sent to generation 2, generation 1:"
    wait_until test -e requests.log
    wait_until reopened_by_both
}

@test "the logrotate snippet" {
    requires logrotate root
    serve_two_generations
    mkdir bin
    ln -s "$HELPER" bin/tfhelper
    sed -e "s|/var/log/legacy-server/|$PWD/|; s|/run/legacy-server.pid|$PWD/pidfile|" \
        "$ROOT/scripts/logrotate/legacy-server" >snippet
    chmod go-w . snippet
    PATH=$PWD/bin:$PATH logrotate --force --state "$PWD/state" snippet
    [[ -s requests.log.1 ]] || fail "not rotated: $(ls)"
    both_have_reopened requests.log.1
}

@test "SIGHUP, too, is the server's own when it is sent so, and no upgrade" {
    serve_two_generations
    "$HELPER" signal HUP pidfile
    wait_until grep -q "^own HUP handler of $(first_pid 1)\$" requests.log
    wait_until grep -q "^own HUP handler of $(first_pid 2)\$" requests.log
    equal "$(newest_generation)" 2 "generations"
}

@test "a generation that starts gets it once it is ready, and does not end of it" {
    requires python3
    cat >late.py <<'END'
import os, signal, sys, time
while not os.path.exists("go"):
    time.sleep(0.01)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
END
    touch go
    start "$HELPER" -- python3 late.py "$PROGRAMS/reopens.py" "$PORT"
    wait_ready 1
    rm go
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    run --separate-stderr "$HELPER" signal USR1 "$PID"
    equal "$output" "USR1 has been sent to generation 2 (once it is ready), generation 1"
    mv requests.log old.log
    touch go
    wait_ready 2
    wait_until test -e requests.log
    has_no_log 'upgrade failed'
}

@test "a signal to end, so sent, ends the service" {
    serve epoll-level
    run --separate-stderr "$HELPER" signal TERM "$PID"
    equal "$status:$output" "0:TERM has been sent to generation 1"
    wait_end
    has_log 'generation 1: the service is told to end, by SIGTERM of process [0-9]+ \(tfhelper\), user'
}

@test "signals that there are not, and arguments that are missing" {
    serve epoll-level
    run --separate-stderr "$HELPER" signal URG "$PID"
    equal "$status:${stderr_lines[0]}" "2:tfhelper: URG: expected the name of a signal, such as USR1 or HUP"
    run --separate-stderr "$HELPER" signal "$PID"
    equal "$status:${stderr_lines[0]}" "2:tfhelper: signal takes a NAME, and one PID, or the path of a pidfile"
    run --separate-stderr "$HELPER" signal USR1 1
    equal "$status" 3 "status for a process of no service"
    serves_version "$PORT" v1
}

@test "needrestart's hook upgrades the unit that it is named after" {
    serve epoll-level
    mkdir bin
    ln -s "$HELPER" bin/tfhelper
    printf '%s\n' '#!/bin/sh' 'echo "$*" >>asked' "echo \"\${MAIN_PID-$PID}\"" >bin/systemctl
    chmod +x bin/systemctl
    cp "$ROOT/scripts/needrestart/legacy-server.service" legacy.service
    PATH=$PWD/bin:$PATH
    set_version v2
    run --separate-stderr ./legacy.service
    equal "$status" 0 "status"
    [[ ${lines[0]} == "tfhelper "*" goes on as process $PID" ]] || fail "$output"
    [[ ${lines[1]} == "generation 2 ready after "* ]] || fail "$output"
    equal "$(<asked)" "show --property=MainPID --value legacy.service"
    serves_version "$PORT" v2
    # one that does not run is left alone, and a failure is said
    MAIN_PID=0 run --separate-stderr ./legacy.service
    equal "$status:$output" 0:
    set_options --exit 1
    run --separate-stderr ./legacy.service
    equal "$status" 1 "status of an upgrade that fails"
}

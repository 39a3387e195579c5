#!/usr/bin/env bats
#
# What an operator can hang on a service: hook, pidfile, ready descriptor, file of variables, and
# the form of the log.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# write_hook COMMANDS: they write to the file `told`
write_hook() {
    printf '#!/bin/sh\n%s\n' "$1" >hook
    chmod +x hook
    export TFPRELOAD_HOOK=$PWD/hook
    touch told
}

readonly tell='echo "$TFPRELOAD_EVENT $TFPRELOAD_GENERATION $TFPRELOAD_PID $TFPRELOAD_SERVICE_PID" \
    "$TFPRELOAD_DURATION_MS $TFPRELOAD_REASON" >>told'

wait_told() {
    wait_for_log "$1" told
}

# ---- hook ----

@test "the hook learns of each event, in order, with its facts" {
    write_hook "$tell"
    serve epoll-level
    upgrade v2
    wait_generation_gone 1
    wait_told '^gone 1 '
    equal "$(sed -E 's/ [0-9]+ $//' told)" "ready 1 $(first_pid 1) $PID
ready 2 $(first_pid 2) $PID
retired 1 $(first_pid 1) $PID
gone 1 $(first_pid 1) $PID"
}

@test "the hook learns why an upgrade failed" {
    write_hook "$tell"
    serve epoll-level
    set_options --crash
    kill -HUP "$PID"
    wait_told "^failed 2 [0-9]+ $PID [0-9]+ .*before it was ready"
}

@test "the hook learns of the end, although the helper does not wait for it" {
    write_hook "$tell"
    serve epoll-level
    kill "$PID"
    wait_end
    wait_told '^gone 1 '
}

@test "a hook that hangs delays nothing" {
    write_hook 'echo $$ >>hanging; exec sleep 300'
    serve epoll-level
    wait_until test -s hanging
    upgrade v2
    upgrade v3
    serves_version "$PORT" v3
    kill "$PID"
    wait_end
    # of each generation ready, retired (but the last) and gone: one that ran, and what was in the
    # queue when the helper ended
    wait_until all_hang
    mapfile -t pids <hanging
    kill "${pids[@]}"
}

all_hang() {
    [[ $(wc -l <hanging) -eq 8 ]]
}

@test "a hook that fails is a line in the log" {
    write_hook 'exit 3'
    serve epoll-level
    wait_for_log "^tfpreload: the hook $PWD/hook exited with status 3, called for generation 1: ready$"
    upgrade v2
    serves_version "$PORT" v2
}

@test "a hook that disappears is a line in the log" {
    write_hook :
    serve epoll-level
    rm hook
    upgrade v2
    wait_for_log "the hook $PWD/hook exited with status 126"
    serves_version "$PORT" v2
}

@test "a hook is no process of the server, and has none of its descriptors" {
    write_hook 'ls -l /proc/self/fd >fds; echo "$LD_PRELOAD" >preload; echo $$ >>running
        until [ -e go ]; do sleep 0.05; done'
    serve epoll-level
    wait_until test -s running
    run "$HELPER" status --json "$PID"
    [[ $output != *"\"pid\":$(cat running),"* ]] || fail "$output"
    equal "$(cat preload)" "" "LD_PRELOAD of the hook"
    equal "$(grep -c 'socket:\|eventpoll\|signalfd' fds)" 0 "$(cat fds)"
    touch go
}

@test "hooks go on when a daemon goes to the background" {
    write_hook "$tell"
    set_version v1
    start_with_library "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version"
    wait_end
    wait_until test -s pid
    wait_told '^ready 1 '
    kill -HUP "$(cat pid)"
    wait_told '^ready 2 '
    wait_told '^gone 1 ' # or it would serve again
    kill "$(cat pid)"
    wait_told '^gone 2 '
}

# ---- no process for a program ----

# start_as_nobody ARGUMENT...: tfhelper, by a user whose processes can be limited
start_as_nobody() {
    requires root setpriv prlimit
    mkdir nobody
    cp -r "$LIBRARY" "$HELPER" "$TESTS" nobody/
    chmod o+x "$BATS_RUN_TMPDIR" .. . nobody
    chown 65534 nobody
    start setpriv --reuid 65534 --regid 65534 --clear-groups nobody/tfhelper "$@"
}

# limit_processes SOFT: how many that user may have, as the helper sees it
limit_processes() {
    setpriv --reuid 65534 --regid 65534 --clear-groups prlimit --pid "$PID" --nproc="$1:"
}

@test "a probe that there was no process for is run again" {
    start_as_nobody --ready 'exec:test -e go' -- nobody/tests/poll --port "$PORT" --version v1
    wait_until ask "$PORT"
    limit_processes 1
    wait_for_log 'cannot run /bin/sh: Resource temporarily unavailable'
    touch go
    limit_processes "$(ulimit -H -u)"
    wait_ready 1
}

@test "a hook that there was no process for does not keep the next ones waiting" {
    printf '#!/bin/sh\nuntil [ -e go ]; do sleep 0.05; done\n' >hook
    chmod 755 hook
    start_as_nobody --hook "$PWD/hook" -- nobody/tests/poll --port "$PORT" --version v1
    wait_ready 1
    upgrade
    wait_generation_gone 1
    limit_processes 1
    touch go
    wait_until three_not_run # ready, retired, gone
}

three_not_run() {
    equal "$(count_log "cannot run $PWD/hook")" 3
}

# ---- pidfile ----

@test "the pidfile is there when the service is ready, and gone when it has ended" {
    export TFPRELOAD_PIDFILE=$PWD/service.pid
    set_options --start-delay 300
    set_version v1
    start_with_library "$TESTS/poll" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    wait_until test -e service.pid
    has_log 'generation 1: ready'
    equal "$(cat service.pid)" "$PID"
    upgrade v2
    equal "$(cat service.pid)" "$PID"
    kill "$PID"
    wait_end
    [[ ! -e service.pid ]]
    equal "$(echo service.pid*)" 'service.pid*' "what is left"
}

@test "a pidfile that is somebody else's by now stays" {
    export TFPRELOAD_PIDFILE=$PWD/service.pid
    serve poll
    wait_until test -s service.pid # the line in the log comes first
    echo 1 >service.pid
    kill "$PID"
    wait_end
    equal "$(cat service.pid)" 1
}

@test "a pidfile that cannot be written is a line in the log" {
    mkdir run
    export TFPRELOAD_PIDFILE=$PWD/run/service.pid
    set_version v1
    set_options --start-when go
    start_with_library "$TESTS/poll" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    wait_until has_children "$PID"
    rmdir run
    touch go
    wait_ready 1
    wait_for_log "cannot write the pidfile $PWD/run/service.pid: No such file or directory"
    serves_version "$PORT" v1
}

# ---- ready descriptor ----

@test "the ready descriptor gets its newline once, and the server does not have it" {
    mkfifo ready
    set_version v1
    exec {ready}<>ready
    start "$HELPER" --ready-fd "$ready" -- "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version"
    IFS= read -rt "$PATIENCE" -u "$ready" line || fail "no newline"
    equal "$line" ""
    has_log 'generation 1: ready'
    [[ ! -e /proc/$(first_pid 1)/fd/$ready ]]
    [[ ! -e /proc/$PID/fd/$ready ]] || fail "the helper keeps it"
    upgrade v2
    refute read -rt 0.1 -u "$ready"
    exec {ready}>&-
}

# ---- file of variables ----

variable_of() { # GENERATION NAME
    tr '\0' '\n' <"/proc/$(first_pid "$1")/environ" | sed -n "s/^$2=//p"
}

@test "variables are read again at each upgrade" {
    printf '# a comment\n; another\n\n COLOUR = green \nQUOTED="two words"\nSINGLE='"'#x'"'\n' >"$PWD/env"
    export TFPRELOAD_ENV_FILE=$PWD/env COLOUR=red GONE=before
    serve poll
    equal "$(variable_of 1 COLOUR)" green
    equal "$(variable_of 1 QUOTED)" "two words"
    equal "$(variable_of 1 SINGLE)" "#x"
    printf 'COLOUR=blue\nEMPTY=\n' >"$PWD/env"
    upgrade v2
    equal "$(variable_of 2 COLOUR)" blue
    equal "$(variable_of 2 QUOTED)" ""
    grep -zqx EMPTY= "/proc/$(first_pid 2)/environ"
}

@test "a wrong line fails the upgrade, with its number, and the old generation serves on" {
    local line

    echo COLOUR=green >"$PWD/env"
    export TFPRELOAD_ENV_FILE=$PWD/env
    serve poll
    for line in 'COLOUR green' '1COLOUR=green' 'export COLOUR=green' 'COLOUR="green' \
        'LD_PRELOAD=x.so' 'TFPRELOAD_SESSION=x'; do
        printf 'FIRST=1\n%s\n' "$line" >"$PWD/env"
        upgrade_fails "$PWD/env, line 2: "
    done
    rm env
    upgrade_fails "$PWD/env: No such file or directory"
    serves_version "$PORT" v1
    echo COLOUR=blue >"$PWD/env"
    upgrade v2
    serves_version "$PORT" v2
}

@test "a wrong line does not keep a service from starting" {
    printf 'COLOUR=green\nnonsense\nLATER=1\n' >"$PWD/env"
    export TFPRELOAD_ENV_FILE=$PWD/env
    serve poll
    has_log "^tfpreload: $PWD/env, line 2: expected NAME=VALUE, or unset NAME; what follows in it is ignored$"
    equal "$(variable_of 1 COLOUR)" green
    equal "$(variable_of 1 LATER)" ""
}

@test "a file of variables that cannot be read does not pass for an empty one" {
    mkdir env
    export TFPRELOAD_ENV_FILE=$PWD/env
    serve poll
    has_log "^tfpreload: $PWD/env: Is a directory; what follows in it is ignored$"
    upgrade_fails "$PWD/env: Is a directory"
}

# ---- the log ----

@test "the log as JSON, one object a line" {
    requires python3
    export TFPRELOAD_LOG_FORMAT=json TFPRELOAD_LOG=debug
    set_version v1
    start_with_library "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_for_log '"message":"generation 1: ready after'
    kill -HUP "$PID"
    wait_for_log '"message":"generation 1: gone'
    kill "$PID"
    wait_end
    python3 - "$LOG" <<'END'
import json, sys
for line in open(sys.argv[1]):
    record = json.loads(line)
    assert set(record) - {"generation"} == {"time", "source", "level", "message"}, record
    if record["message"].startswith("generation "):
        assert record["message"].startswith("generation %d" % record["generation"]), record
END
}

@test "what is no plain text is escaped in JSON" {
    export TFPRELOAD_LOG_FORMAT=json
    printf 'a\tb"c\\d\n' >odd
    run -127 --separate-stderr "$HELPER" -- $'./no\tsuch"file\\\n'
    equal "$status" 127
    python3 -c 'import json, sys; assert "./no\tsuch\"file\\\n" in json.loads(sys.argv[1])["message"]' "$stderr"
}

@test "in the journal each line has its priority" {
    requires python3
    # a stream socket, as the journal's; the variable names it by device and inode
    cat >journal.py <<'END'
import os, socket, sys
ours, theirs = socket.socketpair()
status = os.fstat(theirs.fileno())
os.environ["JOURNAL_STREAM"] = "%d:%d" % (status.st_dev, status.st_ino)
if os.fork() == 0:
    os.dup2(theirs.fileno(), 2)
    os.execvp(sys.argv[1], sys.argv[1:])
theirs.close()
with ours.makefile() as lines:
    for line in lines:
        print(line, end="", flush=True)
END
    start python3 journal.py "$HELPER" --log debug -- ./nowhere
    wait_end
    has_log '^<3>tfpreload: cannot execute ./nowhere' "$OUT"
    start python3 journal.py "$HELPER" --log debug -- true
    wait_end
    has_log '^<7>tfpreload: generation 1: started' "$OUT"
}

@test "JOURNAL_STREAM of another stream means nothing" {
    export JOURNAL_STREAM=1:2
    run -127 --separate-stderr "$HELPER" -- ./nowhere
    [[ $stderr == "tfpreload: cannot execute"* ]]
}

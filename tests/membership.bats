#!/usr/bin/env bats
#
# Who is one of the server's processes, and of which generation: what the kernel says, and not what
# somebody says of itself, in a message, in its environment, or by a pid that was another's.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load messages

setup() {
    prepare
    requires root setpriv
    chmod 777 .
    export TFPRELOAD_LOG=debug
    know_messages
}

session_of() {
    tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^TFPRELOAD_SESSION=//p'
}

@test "a stranger of the same uid is not one of the server's, and may demand what its user may" {
    serve epoll-level
    equal "$("$PROGRAMS/peer.py" "$(first_pid 1)" connect)" refused
    has_log 'control: process [0-9]+ does not belong to generation 1'
    "$HELPER" status "$PID" >shown
}

# in_own_pids SCRIPT: with a table of pids of its own, where the next one can be chosen
in_own_pids() {
    requires unshare
    unshare --pid --fork --mount true 2>reason || skip "no namespaces here: $(<reason)"
    cat >script
    export HELPER LIBRARY TESTS PROGRAMS PORT LOG
    timeout -k 5 60 unshare --pid --fork --kill-child=KILL --mount-proc bash -eu script 3>&- ||
        fail "the script ended with $?"
}

@test "who gets the pid of a member that has ended is a stranger" {
    in_own_pids <<'END'
LD_PRELOAD=$LIBRARY "$TESTS/fork" --port "$PORT" --version v1 2>>"$LOG" </dev/null &
helper=$!
until grep -q '^tfpreload: generation 1: ready' "$LOG"; do sleep 0.02; done
first=$(sed -n 's/.*generation 1: ready after .*, pid //p' "$LOG")
exec 9<>"/dev/tcp/127.0.0.1/$PORT"
echo "GET token" >&9
read -r _ child _ <&9
"$HELPER" status "$helper" | grep -qw "$child" # it has been seen
exec 9>&-
while [[ -e /proc/$child ]]; do sleep 0.02; done
echo "$((child - 1))" >/proc/sys/kernel/ns_last_pid
"$PROGRAMS/peer.py" "$first" other 1 >answers &
echo "$!" >peer
echo "$child" >child
wait "$!"
kill "$helper"
wait "$helper" || true
END
    equal "$(<peer)" "$(<child)" "pid of the stranger"
    equal "$(<answers)" 0 answers
}

@test "who gets the pid of a member that spoke and has ended is not signalled" {
    in_own_pids <<'END'
# shellcheck disable=SC2016 # for the shell that becomes the server
LD_PRELOAD=$LIBRARY "$TESTS/daemonize" "$PWD/pid" /bin/sh -c \
    'cd "$0"; "$1" $$ short >speaker & shift; exec "$@"' "$PWD" "$PROGRAMS/peer.py" \
    "$TESTS/poll" --port "$PORT" --version v1 2>>"$LOG" </dev/null
until grep -q '^tfpreload: generation 1: ready' "$LOG"; do sleep 0.02; done
touch go
until [[ -s speaker ]]; do sleep 0.02; done
speaker=$(<speaker)
while [[ -e /proc/$speaker ]]; do sleep 0.02; done
echo "$((speaker - 1))" >/proc/sys/kernel/ns_last_pid
sleep 600 &
echo "$!" >victim
"$HELPER" stop "$(<pid)"
sed 's/.*) //; s/ .*//' "/proc/$(<victim)/stat" >state || echo gone >state
END
    has_log "control: process $(<speaker) of generation 1 says"
    equal "$(<victim)" "$(<speaker)" "pid of the victim"
    equal "$(<state)" S "state of the victim"
}

@test "an environment that names a daemon's session makes nobody a member, and keeps no helper alive" {
    local session stranger helper

    set_version v1
    start_with_library "$TESTS/daemonize" "$PWD/pid" "$TESTS/poll" --port "$PORT" \
        --version-file "$PWD/version"
    wait_end
    wait_ready 1
    PID=$(<pid)
    STARTED+=("$PID")
    session=$(session_of "$PID")
    helper=$(cut -d/ -f4 <<<"$session")
    [[ -n $helper ]]
    setpriv --reuid=65534 --regid=65534 --clear-groups \
        env TFPRELOAD_SESSION="$session" sleep 60 3>&- &
    stranger=$!
    STARTED+=("$stranger")
    wait_until grep -qz "^TFPRELOAD_SESSION=" "/proc/$stranger/environ"
    kill -KILL "$PID"
    wait_gone "$PID"
    wait_for_log 'generation 1: (the service has ended|gone)'
    refute is_gone "$stranger" # nobody has signalled it
    kill "$stranger"
}

@test "an orphan that names the next generation in its environment gets nothing of it" {
    export PORT
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ -e answers ] || "$0" $$ orphan >answers & exec "$@"' "$PROGRAMS/peer.py" \
        "$TESTS/epoll-level" --port "$PORT" --unix "$PWD/socket" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    chmod 600 socket
    set_options --start-when "$PWD/gate"
    set_version v2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    touch go
    wait_until grep -Eq '^(robbed|answered|dropped)' answers
    equal "$(<answers)" dropped
    touch gate
    wait_ready 2
    serves_version "$PORT" v2
    has_log "generation 2: adopts unix:$PWD/socket"
}

@test "an orphan that names the next generation in its environment does not call it ready" {
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c '[ -e answers ] || "$0" $$ hasty >answers & exec "$@"' "$PROGRAMS/peer.py" \
        "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options"
    set_options --start-when "$PWD/gate"
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    touch go
    wait_until grep -q said answers
    has_no_log 'generation 2: (ready|starting,)'
    serves_version "$PORT" v1
    touch gate
    wait_ready 2
}

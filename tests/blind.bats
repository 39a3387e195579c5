#!/usr/bin/env bats
#
# "Could not look" is not "is not there": a helper that has no descriptor left, to open /proc with
# among other things, takes nobody for gone and no listener for unused; and a process that cannot
# look at one of its descriptors takes it for no other one.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

setup() {
    prepare
    requires prlimit
    export TFPRELOAD_LOG=debug
}

# blind PID: from now on it can open nothing; open_eyes PID: it can again
blind() {
    SOFT=$(prlimit --pid "$1" --nofile --output SOFT --noheadings | tr -d ' ')
    prlimit --pid "$1" --nofile=3: # poll(2) wants one at least
}

open_eyes() {
    prlimit --pid "$1" --nofile="$SOFT:"
}

# serve_two: on PORT and SECOND, and from the next generation on, on PORT alone
serve_two() {
    requires python3
    SECOND=$(free_port)
    set_version v1
    printf 'tcp 127.0.0.1 %s\n' "$PORT" "$SECOND" >listeners
    start_server python3 "$PROGRAMS/listeners.py" version listeners
    printf 'tcp 127.0.0.1 %s\n' "$PORT" >listeners
    set_version v2
}

@test "a listener in use is not made deaf while a helper that cannot look lets it settle" {
    serve_two
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: starting, waiting'
    blind "$PID"
    wait_for_log 'generation 2: its processes cannot be looked into: Too many open files'
    has_no_log 'generation 2: (ready|does not listen)'
    open_eyes "$PID"
    wait_ready 2
    wait_retired 1
    has_no_log "generation 2: does not listen on 127.0.0.1:$PORT"
    has_log "generation 2: does not listen on 127.0.0.1:$SECOND"
    serves_version "$PORT" v2
    wait_until refuses "$SECOND"
}

@test "an upgrade of which nobody can see what it holds fails, and hurts nobody" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 3)
    export TFPRELOAD_READY_TIMEOUT
    serve_two
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: starting, waiting'
    blind "$PID"
    wait_for_log 'generation 2: upgrade failed: its processes cannot be looked into: Too many open files'
    open_eyes "$PID"
    wait_generation_gone 2
    equal "$(ask "$PORT")" "v1 $(first_pid 1) token"
    equal "$(ask "$SECOND")" "v1 $(first_pid 1) token"
    upgrade
    serves_version "$PORT" v2
}

@test "who has not answered is not taken for gone by a helper that cannot look" {
    serve epoll-level
    kill -STOP "$(first_pid 1)"
    kill -HUP "$PID"
    wait_for_log 'order to collect'
    blind "$PID"
    wait_for_log "upgrade failed: process $(first_pid 1) of generation 1 did not hand over"
    open_eyes "$PID"
    kill -CONT "$(first_pid 1)"
    upgrade v2
    serves_version "$PORT" v2
}

@test "nobody is taken for retired by a helper that cannot look" {
    serve epoll-level
    set_options --start-when "$PWD/go"
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -STOP "$(first_pid 1)"
    touch go
    wait_ready 2
    blind "$PID"
    wait_for_log 'generation 1: its processes cannot be looked into: Too many open files'
    open_eyes "$PID"
    has_no_log 'generation 1: retired'
    kill -CONT "$(first_pid 1)"
    wait_retired 1
}

@test "connections are not taken for closed by a helper that cannot look" {
    serve fork
    keep "$PORT"
    ask_kept
    upgrade v2
    wait_for_log 'generation 1: draining 1 connection,'
    blind "$PID"
    wait_for_log 'generation 1: its connections cannot be counted: Too many open files'
    [[ $(ask_kept) == "v1 "* ]]
    open_eyes "$PID"
    [[ $(ask_kept) == "v1 "* ]]
    has_no_log 'generation 1: drained'
    close_kept
    wait_generation_gone 1
}

@test "a server that ends while the helper cannot look ends the service" {
    serve epoll-level --term-status 7
    blind "$PID"
    kill -TERM "$(first_pid 1)"
    wait_end
    equal "$STATUS" 7 status
}

@test "a process of many groups takes orders" {
    requires root setpriv
    set_version v1
    start_server setpriv --groups "$(seq -s, 100001 100900)" \
        "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version"
    upgrade v2
    serves_version "$PORT" v2
    wait_generation_gone 1
}

# ticks PID: of processor time that it has used, a hundredth of a second each
ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

has_log_times() { # PATTERN COUNT
    (($(count_log "$1") >= $2))
}

@test "a helper that cannot accept who connects does not spin, and accepts them later" {
    local asker before

    serve poll
    blind "$PID"
    timeout 30 "$HELPER" status "$PID" >shown 3>&- &
    asker=$!
    STARTED+=("$asker")
    wait_for_log 'control: cannot accept: Too many open files'
    before=$(ticks "$PID")
    wait_until has_log_times 'control: cannot accept' 8
    (($(ticks "$PID") - before < 10)) || fail "$(($(ticks "$PID") - before)) ticks"
    open_eyes "$PID"
    wait "$asker"
    has_log "^service $PID" shown
}

# leave_descriptors PID COUNT: so many can be opened, whatever the limit was
leave_descriptors() {
    local limit=0 free=0

    while ((free < $2)); do
        [[ -e /proc/$1/fd/$limit ]] || free=$((free + 1))
        limit=$((limit + 1))
    done
    prlimit --pid "$1" --nofile=$limit:$limit
}

# fault INJECTION [OPTION]...: strace(1) has system calls of the helper fail so; no_fault: no more, and
# some have
fault() {
    fault_of "$PID" "$@"
}

# fault_of PROCESS INJECTION [OPTION]...
fault_of() {
    {
        close_kept
        exec strace -qq -e "trace=${2%%:*}" -e "inject=$2" "${@:3}" -o trace -p "$1"
    } 3>&- &
    TRACER=$!
    STARTED+=("$TRACER")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$1/status"
}

no_fault() {
    kill -TERM "$TRACER"
    wait_gone "$TRACER"
    has_log 'INJECTED' trace
}

@test "who has no room in the helper's epoll set is heard all the same, and a little later" {
    requires strace
    serve poll
    start_load "$PORT" --clients 2 --kept 2
    fault epoll_ctl:error=ENOSPC
    upgrade v2
    "$HELPER" status "$PID" >shown
    stop_load
    no_fault
    equal "$(count_log '^tfpreload: cannot wait for a descriptor: No space left on device; it is')" 1 "lines"
    serves_version "$PORT" v2
}

@test "who speaks while the helper cannot look at it is heard when that can" {
    local new

    requires strace
    set_version v1
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c 'if [ -e second ]; then until [ -e go ]; do sleep 0.02; done; fi; exec "$@"' sh \
        "$TESTS/poll" --port "$PORT" --version-file "$PWD/version" --strict
    touch second
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: started, pid'
    new=$(sed -nE 's/^tfpreload: generation 2: started, pid ([0-9]+),.*/\1/p' "$LOG")
    fault openat:error=ENFILE:when=1..4 -P "/proc/$new/stat"
    touch go
    wait_ready 2
    no_fault
    serves_version "$PORT" v2
}

@test "a process without descriptors to retire with has not retired, and waits for clients as before" {
    local old

    requires root
    set_version v1
    echo "$TESTS/fork" >program
    # shellcheck disable=SC2016 # for the shell that becomes the server
    start_server sh -c 'exec $(cat program) "$@"' sh --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options" --strict
    old=$(first_pid 1)
    echo "$TESTS/epoll-level" >program # which makes the listener that they share O_NONBLOCK
    set_options --start-when "$PWD/go"
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    leave_descriptors "$old" 4 # the control socket and what is to come in place
    touch go
    wait_ready 2
    wait_until has_log_times "process $old cannot give up its listeners" 2
    refute is_gone "$old"
    has_no_log 'generation 1: retired|accept:'
}

# retires_with INJECTION [SERVER]: v1, which has a kept connection, retires with that fault, and v2 serves
retires_with() {
    PORT=$(free_port)
    LOG=$BATS_TEST_TMPDIR/log-$1
    set_version v1
    set_options
    rm -f go
    serve "${2:-poll}"
    keep "$PORT"
    ask_kept >/dev/null
    set_options --start-when "$PWD/go"
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: started'
    fault_of "$(first_pid 1)" "$1"
    touch go
    wait_retired 1
}

@test "a listener that its process cannot look at is not overlooked: who has it has not retired" {
    local call hit=0 inode

    requires strace
    for call in 4 5 6 7; do
        retires_with "getsockopt:error=ENOMEM:when=$call"
        inode=$(ss -Hlnte "sport = :$PORT" | sed -nE 's/.* ino:([0-9]+) .*/\1/p')
        refute grep -qx "$inode" <(sockets "$(first_pid 1)")
        has_log "^tfpreload: generation 1: process $(first_pid 1) cannot give up its listeners: Cannot allocate memory$"
        serves_version "$PORT" v2
        [[ $(ask_kept) == 'v1 '* ]]
        close_kept
        wait_generation_gone 1
        wait_gone "$TRACER"
        hit=$((hit + $(grep -Ec 'getsockopt\(3, .*SO_(ACCEPTCONN|DOMAIN).*INJECTED' trace || true)))
        kill -TERM "$PID"
        wait_end
    done
    ((hit > 1)) || fail "the listener was not what could not be looked at"
}

@test "who cannot put anything in the place of its listener has not retired" {
    local name inode

    requires strace
    for name in poll epoll-level; do
        retires_with dup3:error=ENOMEM:when=1 "$name"
        no_fault
        inode=$(ss -Hlnte "sport = :$PORT" | sed -nE 's/.* ino:([0-9]+) .*/\1/p')
        refute grep -qx "$inode" <(sockets "$(first_pid 1)")
        has_log "^tfpreload: generation 1: process $(first_pid 1) cannot give up its listeners: Cannot allocate memory$"
        serves_version "$PORT" v2
        close_kept
        wait_generation_gone 1
        kill -TERM "$PID"
        wait_end
        rm "$LOG"
    done
}

@test "a connection that its process cannot look at is not taken for none, and not cut" {
    local call

    requires strace
    for call in getpeername getsockname; do
        retires_with "$call:error=ENOMEM"
        wait_for_log '^tfpreload: generation 1: draining 1 connection, for at most 30 s$'
        no_fault
        [[ $(ask_kept) == 'v1 '* ]]
        close_kept
        wait_generation_gone 1
        kill -TERM "$PID"
        wait_end
    done
}

@test "a set that has no room for a moment: neither who retires nor who takes back is left without clients" {
    local call

    requires strace
    for call in 2 4; do # retiring takes out and puts in, and so does taking back
        retires_with "epoll_ctl:error=ENOSPC:when=$call" epoll-level
        kill -KILL "$(first_pid 2)"
        wait_for_log '^tfpreload: generation 1: serves again after'
        no_fault
        serves_version "$PORT" v1
        [[ $(ask_kept) == 'v1 '* ]]
        close_kept
        set_options
        upgrade v3
        serves_version "$PORT" v3
        kill -TERM "$PID"
        wait_end
    done
}

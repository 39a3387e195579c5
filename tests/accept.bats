#!/usr/bin/env bats
#
# Threads that wait for clients while the listener is shared, retired, or under an order: what
# accept() and its like return.

load helpers

# ---- accept, while a successor that shares the listener starts ----

# start_with_successor WORD COMMAND...: the server does as the word says, then its successor starts
start_with_successor() {
    mkfifo words words-2
    echo "exec '$TESTS/threads' $PORT words accept $1" >start
    start_server sh -c '. ./start'
    SERVER=$(first_pid 1)
    shift
    echo "$*" >start
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
}

# start_with_nonblocking_successor WORD: it does the same, and never waits for clients
start_with_nonblocking_successor() {
    start_with_successor "$1" exec "$TESTS/threads" "$PORT" words-2 "$1" nonblock
    wait_for_log '^done nonblock' "$OUT"
}

# tell WORD: and wait until it has been done
tell() {
    echo "$1" >words
    wait_for_log "^done $1" "$OUT"
}

fails_in_time() {
    tell try
    has_log '^accept: EAGAIN' "$OUT"
    has_log '^tenths of a second: ([2-9]|[1-9][0-9])$' "$OUT"
}

@test "a successor that starts: accept fails in time where the program has set one" {
    start_with_successor timeout exec sleep 1000
    fails_in_time
}

@test "a successor's non-blocking listener: accept fails in time where the program has set one" {
    start_with_nonblocking_successor timeout
    fails_in_time
}

@test "a successor's non-blocking listener: accept is interrupted by the program's own signal" {
    start_with_nonblocking_successor catch
    echo try >words
    wait_until interrupted
    has_log '^accept: EINTR' "$OUT"
}

interrupted() {
    kill -USR1 "$SERVER"
    grep '^done try' "$OUT"
}

@test "a successor's non-blocking listener: accept is restarted where the program wants it" {
    start_with_nonblocking_successor restart
    echo try >words
    goes_on_accepting
}

@test "a successor's non-blocking listener: an accept that was there before it is restarted, too" {
    mkfifo words words-2
    echo "exec '$TESTS/threads' $PORT words accept restart" >start
    start_server sh -c '. ./start'
    SERVER=$(first_pid 1)
    echo try >words
    wait_for_log '^tries' "$OUT"
    echo "exec '$TESTS/threads' $PORT words-2 nonblock" >start
    kill -HUP "$PID"
    wait_for_log '^done nonblock' "$OUT"
    goes_on_accepting
}

# In spite of many signals, until there is a client.
goes_on_accepting() {
    local _

    for _ in {1..20}; do
        kill -USR1 "$SERVER"
        sleep 0.01
    done
    keep "$PORT" # one for each of the two threads
    keep "$PORT"
    wait_for_log '^accept: ' "$OUT"
    has_log '^accept: a client' "$OUT"
}

# ---- a listener that is polled, and on which others just accept ----

# waits_for_clients HOW: nobody gets those who have hung up again and again, in either generation
waits_for_clients() {
    requires python3
    start_server python3 "$PROGRAMS/polls_and_accepts.py" "$1" "$PORT"
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    ask "$PORT" >/dev/null
    ask "$PORT" >/dev/null
    upgrade
    ask "$PORT" >/dev/null
    ask_kept >/dev/null
    has_no_log 'nobody but' "$OUT"
}

@test "a process that polls the listener, and its children just accept" {
    waits_for_clients ondemand
}

@test "a program that polls its listener once, and then just accepts" {
    waits_for_clients once
}

# ---- while an order is carried out ----

# order_in_progress [WORD]...: a thread is told to retire, and waits for an answer of the helper,
# which is stopped. Its process is SERVER, and the thread THREAD.
order_in_progress() {
    mkfifo words
    start_server "$TESTS/threads" "$PORT" "$PWD/words" accept "$@"
    SERVER=$(first_pid 1)
    THREAD=$(threads_beside_main | head -n 1)
    kill -STOP "$PID"
    "$TESTS/order" "$SERVER" "$THREAD" retire
    wait_until has_sockets 2
}

threads_beside_main() {
    find "/proc/$SERVER/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -vx "$SERVER" | sort -n
}

has_sockets() {
    equal "$(sockets "$SERVER" | wc -l)" "$1" "sockets"
}

@test "pthread_cancel while a thread carries out an order" {
    order_in_progress
    tell replace
    wait_until has_sockets 1
    kill -CONT "$PID"
    upgrade
}

@test "a listener that is closed, and its number used again, while a thread carries out an order" {
    local link

    order_in_progress
    tell again
    link=/proc/$SERVER/fd/$(descriptors "$SERVER" | sed -n 's/ socket$//p' | head -n 1)
    readlink "$link" >before
    kill -CONT "$PID"
    wait_until is_gone "$THREAD" # accept() has failed
    readlink "$link" | diff before -
}

@test "the limit of descriptors is lifted by one thread at a time, and not for one that is woken" {
    requires strace
    order_in_progress accept
    THREAD=$(threads_beside_main | tail -n 1)
    strace -qq -e trace=prlimit64 -o trace -p "$THREAD" 3>&- &
    STARTED+=("$!")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$SERVER/task/$THREAD/status"
    "$TESTS/order" "$SERVER" "$THREAD" wake
    wait_for_log SIGURG trace
    "$TESTS/order" "$SERVER" "$THREAD" count
    wait_until has_signals 2
    kill -CONT "$PID"
    wait_until has_sockets 1
    has_no_log prlimit64 trace
    upgrade
}

has_signals() {
    equal "$(count_log SIGURG trace)" "$1" "signals"
}

# ---- event loops ----

# goes_on_after_retiring HABIT: a client is announced, the listener is retired, accept() comes
goes_on_after_retiring() {
    local asked answer

    serve_habit "$1"
    keep "$PORT"
    ask_kept >/dev/null
    touch wait-v1
    exec {asked}<>"/dev/tcp/127.0.0.1/$PORT" # a client whom the new version will serve
    wait_for_log '^hesitates$' "$OUT"
    set_version v2
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    echo "GET token" >&"$asked"
    IFS= read -rt "$PATIENCE" -u "$asked" answer
    [[ $answer == "v2 "* ]] || fail "the new version answered '$answer'"
    exec {asked}>&-
    rm wait-v1
    wait_retired 1
    wait_for_log '^has hung up$' "$OUT"
    equal "$(ask_kept | cut -d' ' -f1)" v1 "the kept connection"
    serves_version "$PORT" v2
}

@test "poll says that there is a client, the listener is retired, and a blocking accept comes" {
    goes_on_after_retiring poll-loop
}

@test "select says that there is a client, the listener is retired, and a blocking accept comes" {
    goes_on_after_retiring select-loop
}

@test "epoll says that there is a client, the listener is retired, and a blocking accept comes" {
    goes_on_after_retiring epoll-loop
}

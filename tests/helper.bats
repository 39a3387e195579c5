#!/usr/bin/env bats
#
# tfhelper as a process: what it does with signals, orphans and its own resources.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

signals_seen() {
    count_log '^signal ' "$OUT"
}

# ---- doing nothing ----

@test "an idle helper makes no system call in 10 s" {
    requires strace
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    close_kept
    wait_generation_gone 1
    timeout 10 strace -qq -f -o trace -p "$PID" 3>&- || true
    # strace itself interrupts the call that the helper sits in, once
    has_log 'epoll_wait|restart_syscall' trace
    equal "$(grep -Evc 'epoll_wait|restart_syscall|detached' trace || true)" 0 "$(cat trace), calls"
    [[ $(wc -l <trace) -le 2 ]] || fail "calls: $(cat trace)"
}

@test "its own memory does not grow, and is half a MiB at most" {
    local number before after

    serve epoll-level
    for number in 1 2 3; do
        upgrade
    done
    before=$(own_memory)
    for number in 1 2 3 4 5 6 7 8 9 10; do
        upgrade
    done
    wait_generation_gone 13
    after=$(own_memory)
    [[ $after -le 512 ]] || fail "$after KiB"
    [[ $((after - before)) -le 128 ]] || fail "from $before to $after KiB in ten upgrades"
}

# In KiB, and without what comes from files: a page of libc or of tfhelper itself is shared or
# private by who else maps it just now, another test's helper for one.
own_memory() {
    awk '/^Anonymous/ { print $2 }' "/proc/$PID/smaps_rollup"
}

@test "its descriptors do not grow" {
    local number before

    serve prefork
    before=$(steady_descriptors "$PID")
    for number in 1 2 3 4 5 6 7 8; do
        upgrade
    done
    wait_generation_gone 8
    wait_until has_descriptors "$before"
}

has_descriptors() {
    equal "$(descriptors "$PID")" "$1" "descriptors of the helper"
}

# ---- signals ----

@test "signals are passed on to the server" {
    local number count=0

    start_server "$TESTS/odd" --port "$PORT" --tell-signals
    # INT QUIT USR1 USR2 ALRM IO WINCH PWR VTALRM PROF TTIN, and the first and last of real time
    for number in 2 3 10 12 14 29 28 30 26 27 34 64; do
        kill "-$number" "$PID"
        count=$((count + 1))
        wait_for_log "^signal $number value 0$" "$OUT"
    done
    equal "$(signals_seen)" "$count" "signals seen by the server"
    kill -0 "$PID"
}

@test "signals are passed on to the current generation" {
    start_server "$TESTS/odd" --port "$PORT" --tell-signals
    upgrade
    wait_generation_gone 1
    kill -USR1 "$PID"
    wait_for_log '^signal 10 ' "$OUT"
    equal "$(signals_seen)" 1 "signals seen by the server"
}

@test "the value of a signal that was queued is passed on" {
    start_server "$TESTS/odd" --port "$PORT" --tell-signals
    kill -q 77 -USR1 "$PID" 2>/dev/null || /bin/kill -q 77 -s USR1 "$PID"
    wait_for_log '^signal 10 value 77$' "$OUT"
}

@test "a signal to the whole group by a terminal arrives once" {
    export PRELOAD=$LIBRARY
    start "$PROGRAMS/terminal.py" server.pid "$LOG" "$TESTS/odd" --port "$PORT" --tell-signals
    wait_ready 1
    types '\003' # ^C
    wait_for_log 'signal 2 ' "$OUT"
    types '\034' # ^\
    wait_for_log 'signal 3 ' "$OUT"
    kill -WINCH "$(<server.pid)"
    wait_for_log 'signal 28 ' "$OUT"
    equal "$(count_log 'signal 2 ' "$OUT")" 1 "SIGINT"
    equal "$(count_log 'signal 3 ' "$OUT")" 1 "SIGQUIT"
    equal "$(count_log 'signal 28 ' "$OUT")" 1 "SIGWINCH"
    kill -TERM "$(<server.pid)"
    wait_for_log '^ended -15' "$OUT"
}

# types TEXT: at the terminal
types() {
    # shellcheck disable=SC2059,SC2238 # it has escapes; the file is called so
    printf "$1" >type
    kill -USR1 "$PID"
}

@test "^Z stops the job for the shell to see, and fg lets it go on" {
    start "$PROGRAMS/terminal.py" shell.pid - bash -mc "
        LD_PRELOAD=$LIBRARY $TESTS/epoll-level --port $PORT --term-status 3 2>>$LOG
        echo \"stopped with \$?\"
        fg
        echo \"ended with \$?\""
    wait_ready 1
    types '\032' # ^Z
    wait_for_log 'stopped with 14[78]' "$OUT" # SIGTSTP, or SIGSTOP for the helper's part
    wait_until ask "$PORT" # it goes on
    kill -TERM "$(children "$(<shell.pid)" | tr -d ' ')"
    wait_for_log 'ended with 3' "$OUT"
    wait_for_log '^ended 0' "$OUT"
}

@test "SIGSTOP and SIGCONT to the group of the server stop it and let it go on" {
    start setsid "$HELPER" -- "$TESTS/epoll-level" --port "$PORT"
    wait_ready 1
    kill -STOP -- "-$PID"
    wait_until has_state T "$(first_pid 1)"
    kill -CONT -- "-$PID"
    wait_until has_state S "$(first_pid 1)"
    upgrade
    equal "$(ask "$PORT")" "1 $(first_pid 2) token"
}

has_state() {
    grep -q "^State:[[:space:]]*$1" "/proc/$2/status"
}

@test "SIGTERM ends it as the server ends" {
    serve epoll-level --term-status 7
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 7 "exit status"
}

@test "SIGTERM to a server that has no handler for it ends it by that signal" {
    start_server "$TESTS/odd" --port "$PORT"
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 143 "status after SIGTERM"
}

@test "SIGINT and SIGQUIT end it by those signals" {
    local number

    for number in 2 3; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$number
        # a shell without job control starts what is in the background with both ignored
        LD_PRELOAD=$LIBRARY start env --default-signal=INT,QUIT "$TESTS/odd" --port "$PORT"
        wait_ready 1
        kill "-$number" "$PID"
        wait_end
        equal "$STATUS" "$((128 + number))" "status after signal $number"
    done
}

@test "SIGTERM while older generations drain ends all of them" {
    serve epoll-level --term-status 4
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 2: draining'
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 4 "exit status"
    wait_until none_marked
}

# entry_point COMMAND...: a script that forgot exec
entry_point() {
    printf '%s\n' '#!/bin/sh' "$*" 'echo the script went on >&2' >entry
    chmod +x entry
    start "$HELPER" -- ./entry
    wait_ready 1
}

@test "SIGTERM to an entry point without exec ends the server that it has left behind, too" {
    entry_point "'$TESTS/epoll-level'" --port "$PORT"
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 143 "exit status: the script's"
    none_marked || fail "left behind: $(marked)"
    has_log 'generation 1: the service has ended: it was killed by SIGTERM'
    has_log 'generation 1: the processes that it has left are told to stop'
    has_no_log 'the script went on'
}

@test "what is left of a server that has died, and does not end, is killed" {
    requires python3
    cat >deaf.py <<'END'
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listener.accept()
END
    entry_point python3 deaf.py "$PORT"
    kill -KILL "$(first_pid 1)"
    wait_end
    equal "$STATUS" 137 "exit status: the script's"
    none_marked || fail "left behind: $(marked)"
    has_log 'generation 1: not gone 5.* after the stop signal: killed'
}

@test "what is left after SIGTERM, and only finishes connections, may" {
    requires python3
    cat >forks.py <<'END'
import os, signal, socket, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = listener.accept()
    if os.fork() == 0:
        listener.close()
        for line in client.makefile():
            client.sendall(b"answer " + line.encode())
        os._exit(0)
    client.close()
END
    start "$HELPER" --exit-timeout 27 -- python3 forks.py "$PORT"
    wait_ready 1
    keep "$PORT"
    ask_kept >/dev/null
    kill -TERM "$PID"
    wait_for_log 'generation 1: the processes that it has left have 27 s to finish'
    equal "$(ask_kept)" "answer GET kept"
    close_kept
    wait_end
    equal "$STATUS" 143 "exit status"
    # and no longer than that
    : >"$LOG"
    start "$HELPER" --exit-timeout 0.2 -- python3 forks.py "$PORT"
    wait_ready 1
    keep "$PORT"
    ask_kept >/dev/null
    kill -TERM "$PID"
    kept_has_ended
    wait_end
}

@test "the server ends by itself, and nobody is there to serve again: so does the helper" {
    serve epoll-level
    upgrade
    wait_generation_gone 1
    kill -SEGV "$(first_pid 2)"
    wait_end
    equal "$STATUS" 139 "status after SIGSEGV"
    wait_until none_marked
    has_log '^tfpreload: generation 2: the service has ended: it was killed by SIGSEGV$'
}

@test "the server ends as it was told to: so does the helper, and older generations with it" {
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining'
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0 "status after SIGTERM"
    wait_until none_marked
    has_log '^tfpreload: generation 2: the service has ended: it exited with status 0$'
    has_log '^tfpreload: generation 1: the service has ended with 1 connection left$'
}

@test "kill -9 takes the first process of every generation along" {
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining'
    kill -KILL "$PID"
    wait_gone "$(first_pid 1)" "$(first_pid 2)"
    wait_end
    equal "$STATUS" 137 "status after SIGKILL"
}

# ---- orphans ----

@test "orphans of the server are reaped" {
    cat >server <<END
#!/bin/sh
for i in 1 2 3 4 5; do (sleep 0.1 & sleep 0.1 &); done
exec "$TESTS/epoll-level" --port $PORT
END
    chmod +x server
    start_server ./server
    wait_until only_child "$(first_pid 1)"
    upgrade
    wait_generation_gone 1
    wait_until only_child "$(first_pid 2)"
}

# No zombie either: those are children as well.
only_child() {
    equal "$(children "$PID")" "$1 " "children of the helper"
}

@test "orphans that live on belong to their generation, and end with it" {
    cat >server <<END
#!/bin/sh
(setsid sleep 1000 & setsid sleep 1000 &)
exec "$TESTS/epoll-level" --port $PORT
END
    chmod +x server
    start_server ./server
    wait_until has_child_count 3
    upgrade
    wait_generation_gone 1
    wait_until has_child_count 3
    # those of the current one would survive it without us, too
    pkill sleep -P "$PID"
}

has_child_count() {
    equal "$(children "$PID" | wc -w)" "$1" "children of the helper"
}

# ---- the log ----

@test "the log tells the story of an upgrade, a line an event" {
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining'
    close_kept
    wait_generation_gone 1
    refute grep -v '^tfpreload: ' "$LOG"
    cat >story <<'END'
generation 1: ready after TIME, pid N
generation 2: upgrade from generation 1 begins, asked for by SIGHUP of PROCESS
generation 2: executes PROGRAM in DIRECTORY
generation 2: started, pid N, with 1 inherited listener
generation 2: ready after TIME, pid N
generation 1: retired after TIME: it accepts no more
generation 1: draining 1 connection, for at most TIME
generation 1: drained after TIME: it is told to stop
generation 1: gone TIME after it was told to stop, exited with status 0
END
    diff story <(sed -E 's/^tfpreload: //; s/pid [0-9]+/pid N/; s/of process .*/of PROCESS/; s/executes .* in .*/executes PROGRAM in DIRECTORY/; s/[0-9.]+ m?s\b/TIME/g' "$LOG")
}

@test "TFPRELOAD_LOG=error says nothing as long as nothing goes wrong" {
    export TFPRELOAD_LOG=error
    set_version v1
    start_with_library "$TESTS/epoll-level" --port "$PORT" --version-file version
    wait_until ask "$PORT"
    set_version v2
    kill -HUP "$PID"
    wait_until answers v2
    kill -TERM "$PID"
    wait_end
    equal "$(<"$LOG")" "" "the log"
}

answers() {
    [[ $(ask "$PORT") == "$1 "* ]]
}

@test "a log that nobody reads does not stop an upgrade" {
    requires python3
    mkfifo pipe
    # it holds the pipe open, makes it small, and does not read it
    python3 -c '
import fcntl, time
fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, 4096)
print("small", flush=True)
time.sleep(1000)' <>pipe >"$OUT" 3>&- &
    STARTED+=("$!")
    wait_for_log small "$OUT"
    set_version v1
    TFPRELOAD_LOG=debug LD_PRELOAD=$LIBRARY LOG=pipe start "$TESTS/epoll-level" --port "$PORT" \
        --version-file version
    wait_until ask "$PORT"
    # more than it holds
    for number in {1..10}; do
        set_version "v$number"
        kill -HUP "$PID"
        wait_until answers "v$number"
    done
}

#!/usr/bin/env bats
#
# tfpreload itself is upgraded: the helper executes its new version, and nobody notices.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers
load control

# own_copy [NEIGHBOUR]: tfhelper and library in a directory of this test's, where they can be replaced
own_copy() {
    mkdir -p own
    install_helper "${1:-}"
    install_library "${1:-}"
    HELPER=$PWD/own/tfhelper
    LIBRARY=$PWD/own/libtfpreload.so
}

# As `make install` does it: by rename(2).
install_helper() {
    cp "${1:+$TESTS/}${1:-$BUILD}/tfhelper" own/tfhelper.new
    mv own/tfhelper.new own/tfhelper
}

install_library() {
    cp "${1:+$TESTS/}${1:-$BUILD}/libtfpreload.so" own/libtfpreload.so.new
    mv own/libtfpreload.so.new own/libtfpreload.so
}

# renew: `tfhelper upgrade --self`, which is done when it returns
renew() {
    controls 0 upgrade --self "$PID"
    answer "tfhelper [0-9.]+ goes on as process $PID"
}

count_renewed() {
    count_log '^tfpreload: tfhelper [0-9.]+ goes on in the place of [0-9.]+, asked for by '
}

has_renewed() {
    (($(count_renewed) == $1))
}

# not_renewed PATTERN: it is refused for that reason; then an upgrade succeeds, by the helper that was
not_renewed() {
    local before version

    before=$(stat -L -c %i "/proc/$PID/exe")
    controls 1 upgrade --self "$PID"
    has_log "^tfhelper: the new tfhelper is not executed: .*$1" errors
    has_log "^tfpreload: the new tfhelper is not executed: .*$1.*; this one goes on$"
    version=v$(($(newest_generation) + 1))
    upgrade "$version"
    serves_version "$PORT" "$version"
    equal "$(stat -L -c %i "/proc/$PID/exe")" "$before" "the program of the helper"
}

# kinds PID: what its descriptors are; that to the guard, which is another one, has another number
kinds() {
    steady_descriptors "$1" | cut -d' ' -f2 | sort
}

# ---- it goes on as it was ----

@test "pid, children and descriptors are the same; the server sees nothing of it" {
    local descriptors child of_child

    serve epoll-level
    upgrade v2
    wait_generation_gone 1
    descriptors=$(kinds "$PID")
    child=$(children "$PID")
    of_child=$(descriptors "$(first_pid 2)")
    renew
    equal "$(kinds "$PID")" "$descriptors" "descriptors of the helper"
    equal "$(children "$PID")" "$child" "children of the helper"
    equal "$(<"/proc/$PID/comm")" tfhelper "name of the helper"
    upgrade v3
    serves_version "$PORT" v3
    equal "$(descriptors "$(first_pid 3)")" "$of_child" "descriptors of the server"
    equal "$(tr '\0' '\n' <"/proc/$(first_pid 3)/environ" | grep -c TFPRELOAD_STATE)" 0
    kill -TERM "$PID"
    wait_end
}

@test "under load, between upgrades of the server, twenty times: nothing is lost" {
    local i

    serve epoll-level
    start_load "$PORT" --clients 8 --kept 4 --kept-life 1
    for i in {2..21}; do
        renew
        upgrade "v$i"
        renew
    done
    stop_load
    serves_version "$PORT" v21
    has_renewed 40
}

@test "every kind of server: the new helper can upgrade it, and the one that drains ends" {
    local name

    for name in "${SERVERS[@]}"; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name"
        keep "$PORT"
        ask_kept >/dev/null
        upgrade v2
        renew
        serves_version "$PORT" v2
        [[ $(ask_kept) == "v1 "* ]]
        upgrade v3
        renew
        serves_version "$PORT" v3
        [[ $(ask_kept) == "v1 "* ]]
        close_kept
        wait_generation_gone 1
        wait_generation_gone 2
        has_log 'generation 1: drained after'
        kill -TERM "$PID"
        wait_end
    done
}

@test "a download across it is counted, and the exit timeout that has begun still holds" {
    local started=$SECONDS

    TFPRELOAD_EXIT_TIMEOUT=4 serve thread
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    renew
    controls 0 status "$PID"
    has_log '^1 +draining .* 1 ' answer
    renew
    wait_for_log 'generation 1: exit timeout with 1 connection left'
    ((SECONDS - started < 15)) || fail "it took $((SECONDS - started)) s"
    wait_generation_gone 1
    serves_version "$PORT" v2
}

@test "who was told to stop is not told twice" {
    requires python3
    cat >impatient.py <<'PY'
import os, signal, socketserver, sys, threading, time
def stop(*_):
    if os.path.exists("told-%d" % os.getpid()):
        os._exit(9)
    open("told-%d" % os.getpid(), "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
server = Server(("127.0.0.1", int(sys.argv[1])), socketserver.StreamRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    signal.pause()
PY
    TFPRELOAD_STOP_TIMEOUT=20 start_server python3 impatient.py "$PORT"
    upgrade
    wait_until test -e "told-$(first_pid 1)"
    renew
    renew
    touch go
    wait_generation_gone 1
    has_log 'generation 1: gone .* exited with status 0'
}

@test "an upgrade in progress is waited for; one that is asked for meanwhile comes afterwards" {
    serve poll
    set_options --start-when "$PWD/go"
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: started'
    start_control upgrade --self "$PID"
    wait_for_log '^tfpreload: tfhelper is executed anew as soon as that can be, asked for by '
    kill -HUP "$PID"
    wait_for_log 'the upgrade is noted'
    has_renewed 0
    touch go
    end_control 0
    has_log 'an upgrade is not over yet' errors
    wait_ready 3
    equal "$(grep -nE 'generation 2: ready|goes on in the place|generation 3: upgrade' "$LOG" | sed 's/.*tfpreload: //; s/[:,].*//; s/ 0.*//')" \
        "generation 2
tfhelper
generation 3" "order"
}

@test "a new version that fails, and one that is rolled back" {
    serve epoll-level
    set_options --crash
    renew
    upgrade_fails 'exited|killed'
    renew
    serves_version "$PORT" v1
    set_options
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    renew
    kill -KILL "$(first_pid 3)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
    renew
    upgrade v4
    serves_version "$PORT" v4
}

@test "a generation that is held: commit and rollback decide afterwards, and the time limit holds" {
    serve thread
    set_version v2
    controls 0 upgrade --hold 300 "$PID"
    renew
    controls 0 rollback "$PID"
    serves_version "$PORT" v1
    set_version v3
    controls 0 upgrade --hold 300 "$PID"
    renew
    controls 0 commit "$PID"
    wait_generation_gone 1
    serves_version "$PORT" v3
    set_version v4
    controls 0 upgrade --hold 2 "$PID"
    renew
    wait_for_log 'generation 4: rolled back: nobody has committed it in time'
    wait_for_log '^tfpreload: generation 4: retired after'
    serves_version "$PORT" v3
}

@test "a server that crashes afterwards is started again, while clients wait" {
    TFPRELOAD_RESTART=on-failure serve epoll-level
    wait_until helper_holds_listener
    renew
    wait_until helper_holds_listener
    set_version v2
    kill -KILL "$(first_pid 1)"
    wait_for_log '^tfpreload: generation 1: .*: generation 2 is started in its place in '
    wait_ready 2
    serves_version "$PORT" v2
    renew
    controls 0 status --json "$PID"
    has_log '"restarts":1' answer
}

@test "its exit status, or its signal, is the server's afterwards, too" {
    printf '#!/bin/sh\n"%s" --port %s --version v1\nexit 7\n' "$TESTS/poll" "$PORT" >server
    chmod +x server
    start_server ./server
    renew
    # shellcheck disable=SC2046 # a pid
    kill $(children "$(children "$PID" | tr -d ' ')")
    wait_end
    equal "$STATUS" 7
    : >"$LOG"
    serve poll
    renew
    kill -KILL "$(first_pid 1)"
    wait_end
    equal "$STATUS" 137
}

@test "stop, and who waits for the end, across it" {
    local waiter

    serve epoll-level
    start_control wait --for gone "$PID"
    waiter=$CONTROL
    wait_until has_watcher
    "$HELPER" upgrade --self "$PID" >self 2>&1 3>&-
    has_log 'goes on as process' self
    keep "$PORT"
    ask_kept >/dev/null
    start_control stop "$PID"
    wait_for_log 'the service is to end'
    [[ $(ask_kept) == "v1 "* ]]
    close_kept
    wait_end
    end_control 0
    CONTROL=$waiter
    end_control 0
}

# The one that is connected, besides the listening control socket.
has_watcher() {
    (($(ss -Hxp state established | grep -c "pid=$PID,") > 0))
}

@test "upgrade --drained waits on across it" {
    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    start_control upgrade --drained "$PID"
    wait_ready 2
    wait_retired 1
    "$HELPER" upgrade --self "$PID" >self 2>&1 3>&-
    has_log 'goes on as process' self
    close_kept
    end_control 0
    has_log '^generation 1 gone$' answer
}

# The guards of the helper: processes beside it that learn of its end.
guards() {
    local child

    # shellcheck disable=SC2013 # they are words
    for child in $(cat "/proc/$PID/task/$PID/children"); do
        [[ $(<"/proc/$child/comm") != tfp-guard ]] || echo "$child"
    done
}

@test "the guard is another one, and ends the session if the new helper is killed" {
    local before

    serve prefork
    before=$(guards)
    renew
    equal "$(guards | wc -w)" 1 "guards"
    [[ $(guards) != "$before" ]] || fail "the guard is still $before"
    refute kill -0 "$before" 2>/dev/null
    serves_version "$PORT" v1
    kill -KILL "$PID"
    wait_until none_marked
}

@test "a daemon" {
    set_version v1
    start_with_library "$TESTS/daemonize" "$PWD/pid" "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version"
    wait_end
    wait_ready 1
    PID=$(<pid)
    STARTED+=("$PID")
    control upgrade --self "$PID"
    equal "$STATUS" 0 "$(cat errors)"
    start_load "$PORT" --clients 4
    upgrade v2
    PID=$(<pid)
    STARTED+=("$PID")
    control upgrade --self "$PID"
    equal "$STATUS" 0 "$(cat errors)"
    upgrade v3
    stop_load
    serves_version "$PORT" v3
    wait_generation_gone 2 # which would serve again
    kill -TERM "$(<pid)"
    wait_until none_marked
}

@test "the pidfile stays, and goes with the service" {
    TFPRELOAD_PIDFILE=$PWD/service.pid serve poll
    wait_until test -s service.pid
    controls 0 upgrade --self "$PWD/service.pid"
    equal "$(<service.pid)" "$PID"
    upgrade v2
    kill -TERM "$PID"
    wait_end
    [[ ! -e service.pid ]] || fail "the pidfile is still there"
}

@test "files and descriptors of the settings need not be there any more" {
    mkdir dir
    cat >dir/hook <<END
#!/bin/sh
echo "\$TFPRELOAD_EVENT \$TFPRELOAD_GENERATION" >>$PWD/events
END
    chmod +x dir/hook
    echo A=1 >dir/env
    exec 7>ready
    TFPRELOAD_HOOK=$PWD/dir/hook TFPRELOAD_ENV_FILE=$PWD/dir/env serve_ready_fd
    exec 7>&-
    wait_until test -s ready
    wait_for_log 'ready 1' events
    mv dir away
    renew
    has_no_log 'is ignored'
    mv away dir
    upgrade v2
    wait_for_log 'retired 1' events
    kill -TERM "$PID"
    wait_end
}

serve_ready_fd() {
    TFPRELOAD_READY_FD=7 serve poll
}

@test "a hook that runs is waited for by the new helper, and those that wait come after it" {
    cat >hook <<END
#!/bin/sh
while [ ! -e $PWD/go ]; do sleep 0.05; done
echo "\$TFPRELOAD_EVENT \$TFPRELOAD_GENERATION \$TFPRELOAD_REASON" >>$PWD/events
[ "\$TFPRELOAD_EVENT" != retired ] || exit 3
END
    chmod +x hook
    TFPRELOAD_HOOK=$PWD/hook serve poll
    upgrade v2
    wait_generation_gone 1
    renew
    touch go
    wait_for_log '^gone 1' events
    equal "$(cat events)" "ready 1 
ready 2 
retired 1 
gone 1 "
    wait_for_log '^tfpreload: the hook .* exited with status 3, called for generation 1: retired'
}

@test "a link that was switched is followed by the new helper, as by the old one" {
    mkdir one two
    cp "$TESTS/poll" one/server
    cp "$TESTS/epoll-level" two/server
    ln -s one current
    cd -L current
    start "$HELPER" -- ./server --port "$PORT"
    cd "$BATS_TEST_TMPDIR"
    wait_ready 1
    ln -sfn two current
    renew
    upgrade
    equal "$(program_of "$(first_pid 2)")" "$PWD/two/server"
}

# as_started PID: what the kernel shows of its signals and limits
as_started() {
    grep -hE '^(Max open files|Max core|Sig(Blk|Ign))' "/proc/$1/limits" "/proc/$1/status"
}

@test "mask, dispositions and limits of the server are those that it would have had" {
    requires python3
    cat >starter.py <<'PY'
import os, resource, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH, signal.SIGRTMIN + 3])
resource.setrlimit(resource.RLIMIT_NOFILE, (333, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
os.execv(sys.argv[1], sys.argv[1:])
PY
    start python3 starter.py "$HELPER" -- "$TESTS/poll" --port "$PORT"
    wait_ready 1
    as_started "$(first_pid 1)" >first
    has_log 'Max open files +333 ' first
    renew
    upgrade
    diff first <(as_started "$(first_pid 2)")
}

@test "listeners of socket activation are found once more" {
    requires python3
    start python3 "$PROGRAMS/activate.py" "$PORT" "$HELPER" -- "$TESTS/activated"
    wait_ready 1
    renew
    upgrade
}

@test "the manager hears what servers say afterwards, and no word of it" {
    requires python3
    export NOTIFY_SOCKET=$PWD/notify
    python3 "$PROGRAMS/manager.py" "$NOTIFY_SOCKET" >told 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    wait_for_log listening told
    touch go
    VERSION=1 start_with_library python3 "$PROGRAMS/speaker.py" "$PORT" "$PWD/go"
    wait_ready 1
    wait_for_log '^READY=1\|STATUS=Generation 1 serves' told
    cp told before
    renew
    diff before told
    say 'STATUS=still there'
    wait_for_log '^STATUS=still there' told
    upgrade
    wait_for_log '^READY=1\|STATUS=Generation 2 serves' told
    has_no_log MAINPID told
}

# say LINE: the server of speaker.py notifies its manager of it
say() {
    local connection answer

    exec {connection}<>"/dev/tcp/127.0.0.1/$PORT"
    echo "SAY $1" >&"$connection"
    IFS= read -rt "$PATIENCE" -u "$connection" answer || fail "no answer to $1"
    exec {connection}>&-
}

# ---- the new file ----

@test "SIGHUP after tfpreload was replaced: first the helper, then the server" {
    own_copy
    serve epoll-level
    upgrade v2
    has_renewed 0
    install_library
    install_helper
    start_load "$PORT" --clients 4
    upgrade v3
    stop_load
    has_renewed 1
    equal "$(program_of "$PID")" "$HELPER"
    has_log "goes on in the place of .*, asked for by SIGHUP of process $$ "
    equal "$(grep -nE 'goes on in the place|generation 3: upgrade' "$LOG" | sed 's/.*tfpreload: //; s/[: ].*//')" \
        "tfhelper
generation"
    upgrade v4
    has_renewed 1
    serves_version "$PORT" v4
    # and by a command, which hears the outcome from the new helper
    install_helper
    set_version v5
    controls 0 upgrade "$PID"
    answer 'generation 5 ready after .*'
    has_renewed 2
    serves_version "$PORT" v5
}

@test "the path is followed anew: a link to the release" {
    own_copy
    mv own one
    mkdir two
    cp "$BUILD"/{tfhelper,libtfpreload.so} two
    ln -s one own
    serve poll
    equal "$(program_of "$PID")" "$PWD/one/tfhelper"
    ln -sfn two own
    upgrade v2
    has_renewed 1
    equal "$(program_of "$PID")" "$PWD/two/tfhelper"
}

@test "tfhelper by a relative path, and by PATH" {
    own_copy
    cd own
    start ./tfhelper -- "$TESTS/poll" --port "$PORT"
    cd "$BATS_TEST_TMPDIR"
    wait_ready 1
    install_helper
    upgrade
    has_renewed 1
    kill -TERM "$PID"
    wait_end
    : >"$LOG"
    PATH=$PWD/own:$PATH start tfhelper run -- "$TESTS/poll" --port "$PORT"
    wait_ready 1
    install_helper
    upgrade
    has_renewed 1
    renew
}

@test "it is not there, and SIGHUP does not mind" {
    own_copy
    serve poll
    rm own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'own/tfhelper: No such file or directory'
}

@test "it may not be executed" {
    own_copy
    serve poll
    chmod 644 own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'it cannot be executed: Permission denied'
}

@test "it is garbage, a script, or another program" {
    own_copy
    serve poll
    head -c 5000 /dev/urandom >own/garbage
    chmod +x own/garbage
    mv own/garbage own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'it cannot be executed: Exec format error'
    printf '#!/bin/sh\necho +0.9\n' >own/script
    chmod +x own/script
    mv own/script own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'it cannot be executed: No such file or directory'
    cp /bin/true own/program
    mv own/program own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'it exited with status 0, and has not said whether it could go on'
}

@test "it does not answer" {
    own_copy
    serve poll
    cp "$TESTS/hangs" own/program
    mv own/program own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'it has not said in time whether it could go on'
    wait_generation_gone 1
    equal "$(children "$PID" | wc -w)" 1 "children of the helper"
}

@test "somebody else may write it" {
    requires root
    own_copy
    serve poll
    chmod 777 own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'every user may write it'
    chmod 755 own/tfhelper
    chown 65534 own/tfhelper
    HELPER=$BUILD/tfhelper not_renewed 'user 65534 may write it'
}

@test "SIGHUP with a new file that cannot go on: one line, and the server is upgraded" {
    own_copy
    serve poll
    install_helper unreadable
    upgrade v2
    equal "$(count_log 'the new tfhelper is not executed: the state is of version 1, and this tfhelper reads version 9; this one goes on$')" 1
    serves_version "$PORT" v2
}

# ---- what is watched from outside ----

# holders: the processes that let the calls of a server pass, should the helper be killed
holders() {
    local pid

    for pid in $(children "$PID"); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) != tfhelper-holder ]] || echo "$pid"
    done
}

@test "what is watched from outside is watched by the new one, under load, and upgraded" {
    local name descriptors

    export TFPRELOAD_WAY=trace
    for name in poll epoll-level thread prefork; do
        PORT=$(free_port)
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        serve "$name" --untraced
        start_load "$PORT" --clients 4 --kept 4
        descriptors=$(kinds "$PID")
        renew
        equal "$(kinds "$PID")" "$descriptors" "descriptors of the helper"
        upgrade v2
        serves_version "$PORT" v2
        renew
        upgrade v3
        serves_version "$PORT" v3
        stop_load
        wait_generation_gone 2
        equal "$(count_renewed)" 2 "new helpers"
        has_no_log 'does not listen on|failed|cannot'
        kill -TERM "$PID"
        wait_end
    done
}

@test "watched from outside, and draining: the old generation is rolled back to by the new helper" {
    export TFPRELOAD_WAY=trace
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    renew
    [[ $(ask_kept) == 'v1 '* ]]
    kill -KILL "$(first_pid 2)"
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
    [[ $(ask_kept) == 'v1 '* ]]
    close_kept
}

@test "watched from outside: a call that comes meanwhile is answered by the new one" {
    local before

    requires python3
    cat >binds.py <<'END'
import os, socket, sys, threading, time
def bind():
    while True:
        time.sleep(0.001)
        if not os.path.exists("go"):
            continue
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
        os.write(1, b"bound\n")
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=bind, daemon=True).start()
while True:
    server.accept()[0].close()
END
    TFPRELOAD_WAY=trace start "$HELPER" -- "$(python3 -c 'import sys; print(sys.executable)')" binds.py "$PORT"
    wait_ready 1
    touch go
    wait_for_log bound "$OUT"
    for _ in 1 2 3; do
        renew
        before=$(wc -l <"$OUT")
        wait_until has_bound_more_than "$before"
    done
    has_no_log Error
}

has_bound_more_than() {
    (($(wc -l <"$OUT") > $1))
}

@test "watched from outside: who holds its filter stays, and ends with it" {
    local holder server

    TFPRELOAD_WAY=trace serve fork
    holder=$(holders)
    [[ $holder ]] || fail "there is no holder"
    renew
    equal "$(holders)" "$holder" "the holder"
    upgrade v2
    wait_gone "$holder"
    wait_generation_gone 1
    server=$(first_pid 2)
    holder=$(holders)
    renew
    kill -KILL "$PID"
    wait_gone "$PID" "$server" "$holder"
}

@test "a service that is about to end" {
    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    "$HELPER" stop "$PID" 3>&- &
    STARTED+=("$!")
    wait_for_log 'the service is to end'
    controls 1 upgrade --self "$PID"
    has_log 'the service is about to end' errors
}

@test "options that do not go together" {
    controls 2 upgrade --self --drained 1
    controls 2 upgrade --self --hold 3 1
}

@test "the variable of the state is for nobody else" {
    TFPRELOAD_STATE=0/1 serve poll
    serves_version "$PORT" v1
    kill -TERM "$PID"
    wait_end
    : >"$LOG"
    echo tfpreload-state=1 >state
    TFPRELOAD_STATE=8/9 serve poll 8<state
    serves_version "$PORT" v1
    equal "$(tr '\0' '\n' <"/proc/$(first_pid 1)/environ" | grep -c TFPRELOAD_STATE)" 0
}

# ---- releases beside this one ----

# The wire, the state and the commands of `next` understand those of this release.
@test "the next release: library and helper are replaced under a server, and back" {
    own_copy
    serve epoll-level
    start_load "$PORT" --clients 4 --kept 2
    install_library next
    install_helper next
    upgrade v2
    has_renewed 1
    upgrade v3
    # this release's library, below a helper of the next one
    install_library
    upgrade v4
    serves_version "$PORT" v4
    stop_load
    # its state this release does not read
    install_helper
    HELPER=$BUILD/tfhelper not_renewed 'the state is of version 2, and this tfhelper reads version 1'
    HELPER=$TESTS/next/tfhelper controls 0 status "$PID"
}

@test "a library of the next release, below a helper of this one, and commands of each" {
    own_copy
    install_library next
    serve thread
    keep "$PORT"
    ask_kept >/dev/null
    HELPER=$TESTS/next/tfhelper controls 0 upgrade "$PID"
    serves_version "$PORT" v1
    HELPER=$TESTS/next/tfhelper controls 0 upgrade --self "$PID"
    install_helper next
    HELPER=$BUILD/tfhelper controls 0 upgrade --self "$PID"
    HELPER=$BUILD/tfhelper controls 0 upgrade "$PID"
    HELPER=$BUILD/tfhelper controls 0 status "$PID"
    close_kept
    wait_generation_gone 1
}

@test "a library that the helper does not understand: that upgrade fails, in one line, at once" {
    own_copy
    serve poll
    install_library strange
    upgrade_fails 'its library speaks version 9 of the protocol, and this tfhelper version 3'
    serves_version "$PORT" v1
    install_library
    upgrade v3
    serves_version "$PORT" v3
}

@test "a helper that does not understand the library of a server that runs is not executed" {
    own_copy
    serve poll
    install_helper strange
    HELPER=$BUILD/tfhelper not_renewed 'the library of generation 1 speaks version 3 of the protocol, and this tfhelper version 9'
}

@test "a library that is too old for the helper: that upgrade fails, in one line, at once" {
    own_copy strange
    serve poll
    install_library
    upgrade_fails 'its library speaks version 3 of the protocol, and this tfhelper version 9'
    serves_version "$PORT" v1
    kill -TERM "$PID"
    wait_end
    : >"$LOG"
    start_with_library "$TESTS/poll" --port "$PORT" --version v1
    wait_for_log 'generation 1: it cannot be upgraded: its library speaks version 3 of the protocol, and this tfhelper version 9'
    serves_version "$PORT" v1
}

# ---- what was checked, and fails all the same ----

# without_timers WHEN: what is started has no timer where it goes on with a state: "new" in the new
# program alone, "any" in the one before, too
without_timers() {
    requires gcc
    cat >no-timers.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
static int fails;
__attribute__((constructor)) static void look(void)
{
    const char *state = getenv("TFPRELOAD_STATE");
    fails = state && (getenv("NO_TIMERS")[0] == 'a' || !strstr(state, "/-1"));
}
int timerfd_create(int clock, int flags)
{
    errno = EMFILE;
    return fails ? -1 : ((int (*)(int, int))dlsym(RTLD_NEXT, "timerfd_create"))(clock, flags);
}
END
    gcc -shared -fPIC -o no-timers.so no-timers.c
    export NO_TIMERS=$1
    # of a helper that was built with it: whoever comes before it
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
    LD_PRELOAD=$PWD/no-timers.so start "$HELPER" -- "$TESTS/epoll-level" --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
}

@test "it cannot go on: the helper before goes on again, with all that it had" {
    local descriptors

    set_version v1
    without_timers new
    start_load "$PORT" --clients 4
    descriptors=$(kinds "$PID")
    controls 1 upgrade --self "$PID"
    has_log 'the new tfhelper could not go on: the one before it does' errors
    has_log '^tfpreload: tfhelper [0-9.]+ cannot go on: cannot open what the helper waits on: Too many open files$'
    has_log '^tfpreload: tfhelper [0-9.]+ goes on again$'
    equal "$(kinds "$PID")" "$descriptors" "descriptors of the helper"
    upgrade v2
    stop_load
    serves_version "$PORT" v2
    kill -TERM "$PID"
    wait_end
}

@test "nor can the one before: the server runs on below a parent that can no more than that" {
    set_version v1
    without_timers any
    start_load "$PORT" --clients 4
    control upgrade --self --timeout 1 "$PID"
    wait_for_log '^tfpreload: no tfhelper can go on: the server runs on without upgrades$'
    kill -HUP "$PID"
    wait_for_log '^tfpreload: there is no upgrade any more: no tfhelper could go on$'
    stop_load
    serves_version "$PORT" v1
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0
}

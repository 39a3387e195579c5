#!/usr/bin/env bats
#
# TFPRELOAD_OVERLAP=no: servers of which two cannot run at once. The old one is gone before the new
# one starts, and clients wait meanwhile.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

serve_alone() {
    TFPRELOAD_OVERLAP=no serve "${SERVER:-thread}"
}

# upgrade_alone [VERSION]
upgrade_alone() {
    local next=$(($(newest_generation) + 1))

    [[ $# == 0 ]] || set_version "$1"
    "$HELPER" upgrade "$PID" >said 2>&1 || fail "the upgrade failed: $(<said)"
    has_log "^generation $next ready after" said
}

@test "the old one is gone before the new one starts, whatever kind it is" {
    local name

    for name in fork thread prefork poll select epoll-level epoll-edge; do
        PORT=$(free_port)
        # shellcheck disable=SC2034 # for the helpers
        LOG=$BATS_TEST_TMPDIR/log-$name
        SERVER=$name serve_alone
        upgrade_alone v2
        has_log '^tfpreload: generation 2: starts when generation 1 is gone$'
        equal "$(grep -Eo 'generation (1: gone|2: started)' "$LOG" | paste -sd,)" 'generation 1: gone,generation 2: started' order
        serves_version "$PORT" v2
        upgrade_alone v3
        serves_version "$PORT" v3
        kill -TERM "$PID"
        wait_end
    done
}

@test "under load nobody is refused or cut" {
    TFPRELOAD_EXIT_TIMEOUT=5 serve_alone
    start_load "$PORT" --clients 4 --rate 50
    for version in v2 v3 v4; do
        upgrade_alone "$version"
        serves_version "$PORT" "$version"
    done
    stop_load
}

@test "who comes while there is no server waits in the queue" {
    serve_alone
    set_options --start-when "$PWD/go"
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: started'
    serves_who_waited v2
}

@test "one that fails is answered by what was there before, though its file is another one now" {
    cp "$TESTS/thread" server
    set_version v1
    TFPRELOAD_OVERLAP=no start_server ./server --port "$PORT" --version-file "$PWD/version"
    cp /bin/false new
    mv new server
    start_load "$PORT" --clients 4
    run -1 "$HELPER" upgrade "$PID"
    [[ $output == *'the upgrade to generation 2 failed: exited with status 1 after '* ]]
    wait_ready 3
    stop_load
    has_log '^tfpreload: generation 2: upgrade failed: exited with status 1 after .*; generation 3 is started from what generation 1 was$'
    serves_version "$PORT" v1
    # and from there, too
    run -1 "$HELPER" upgrade "$PID"
    wait_ready 5
    serves_version "$PORT" v1
    # until a good one comes
    cp "$TESTS/thread" new
    mv new server
    upgrade_alone v2
    serves_version "$PORT" v2
}

@test "a script that is replaced is found again by its descriptor" {
    set_version v1
    cat >server <<END
#!/bin/sh
exec "$TESTS/thread" --port $PORT --version-file "$PWD/version"
END
    chmod +x server
    TFPRELOAD_OVERLAP=no start "$HELPER" -- ./server # the library sees but its interpreter
    wait_ready 1
    printf '#!/bin/sh\nexit 7\n' >new
    chmod +x new
    mv new server
    run -1 "$HELPER" upgrade "$PID"
    wait_ready 3
    serves_version "$PORT" v1
}

@test "one that is not ready in time fails alike" {
    TFPRELOAD_READY_TIMEOUT=$(at_this_load 2) serve_alone
    set_options --hang
    set_version v2
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 2: started'
    set_options
    set_version v1
    wait_for_log '^tfpreload: generation 2: upgrade failed: not ready within the ready timeout of [0-9.]+ s: '
    wait_ready 3
    serves_version "$PORT" v1
}

@test "what cannot even be executed stops nothing" {
    cp "$TESTS/thread" server
    set_version v1
    TFPRELOAD_OVERLAP=no start_server ./server --port "$PORT" --version-file "$PWD/version"
    mv server away
    upgrade_fails 'cannot execute \./server: No such file or directory; generation 1 serves on$'
    serves_version "$PORT" v1
    equal "$(first_pid 1)" "$(ask "$PORT" | cut -d' ' -f2)" 'who serves'
}

@test "where the old command fails as well, the service ends, or is restarted" {
    serve_alone
    set_options --exit 3
    kill -HUP "$PID"
    wait_end
    equal "$STATUS" 3 status
    has_log '^tfpreload: generation 2: upgrade failed: exited with status 3 '
    set_options
    TFPRELOAD_RESTART=on-failure serve_alone
    set_options --exit 3
    kill -HUP "$PID"
    wait_for_log '^tfpreload: generation 3: exited with status 3: generation 4 is started in its place in 100 ms$'
    set_options
    wait_until serves_version "$PORT" v1
}

@test "told to end while it waits for the old one's clients" {
    serve_alone
    keep "$PORT"
    ask_kept >/dev/null
    kill -HUP "$PID"
    wait_retired 1
    {
        close_kept
        exec "$HELPER" stop "$PID"
    } >said 2>&1 3>&- &
    STARTED+=("$!")
    wait_for_log 'the service is to end'
    [[ $(ask_kept) == 'v1 '* ]]
    close_kept
    wait_end
    equal "$STATUS" 0 status
    has_no_log 'generation 2: started'
}

@test "SIGTERM while it waits reaches the old one" {
    serve_alone
    keep "$PORT"
    ask_kept >/dev/null
    kill -HUP "$PID"
    wait_retired 1
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0 status
    has_no_log 'generation 2: started'
}

@test "nothing can be held: upgrade --hold is refused" {
    serve_alone
    run -1 "$HELPER" upgrade --hold 5 "$PID"
    equal "$output" 'tfhelper: the old generation cannot be held: TFPRELOAD_OVERLAP=no' output
    serves_version "$PORT" v1
}

@test "a crash: what is left of the old one is gone before another one starts" {
    TFPRELOAD_RESTART=on-failure SERVER=prefork serve_alone
    keep "$PORT"
    ask_kept >/dev/null
    wait_until helper_holds_listener
    kill -KILL "$(first_pid 1)"
    wait_for_log '^tfpreload: generation 1: was killed by SIGKILL: generation 2 is started in its place in 100 ms$'
    wait_retired 1
    [[ $(ask_kept) == 'v1 '* ]]
    close_kept
    wait_ready 2
    equal "$(grep -Eo 'generation (1: gone|2: started)' "$LOG" | tail -n 1)" 'generation 2: started' order
    serves_version "$PORT" v1
}

@test "one that has shut its listener down as it ended leaves its successor's, when that has retired, as it is" {
    requires python3
    cat >shuts.py <<'END'
import select, signal, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def end(number, frame):
    listener.shutdown(socket.SHUT_RDWR)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
poll = select.poll()
poll.register(listener, select.POLLIN)
clients = []
while True:
    for fd, events in poll.poll():
        if events != select.POLLIN:
            sys.exit("its listener has hung up")
        client = listener.accept()[0]
        client.sendall(b"hello\n")
        clients.append(client)
END
    TFPRELOAD_OVERLAP=no TFPRELOAD_EXIT_TIMEOUT=0.3 start_server python3 shuts.py "$PORT"
    for _ in 1 2 3; do
        keep "$PORT"
        IFS= read -rt "$PATIENCE" -u "$KEPT"
        upgrade_alone
        close_kept
    done
    equal "$(count_log ': exit timeout with 1 connection left')" 3 "generations that have drained"
    has_no_log 'hung up|exited with status 1'
}

# start_writes KIND: returns when the first write is acknowledged
start_writes() {
    python3 "$PROGRAMS/writes.py" "$1" "$PORT" "$PWD/acknowledged" 2>log-writes 3>&- &
    WRITER=$!
    STARTED+=("$WRITER")
    wait_until test -s acknowledged
}

# upgrades_keep_writes COMMAND...: ten of them, under writes; COMMAND prints what is there at the end
upgrades_keep_writes() {
    local before

    for _ in {1..10}; do
        before=$(wc -l <acknowledged)
        upgrade_alone
        wait_until more_written_than "$before"
    done
    kill -TERM "$WRITER"
    wait_end "$WRITER"
    equal "$STATUS" 0 "status of the writer, of which 1 is that it was refused"
    has_no_log 'not gone .* after the stop signal' # it saves, and is killed only if it hangs
    "$@" >there
    equal "$(comm -23 <(sort acknowledged) <(sort there))" "" 'acknowledged, and lost'
}

more_written_than() {
    (($(wc -l <acknowledged) > $1))
}

@test "redis with an append-only file: every acknowledged write is there after ten upgrades" {
    requires redis-server redis-cli python3
    TFPRELOAD_OVERLAP=no TFPRELOAD_EXIT_TIMEOUT=0.2 start_server redis-server --port "$PORT" \
        --bind 127.0.0.1 --dir "$PWD" --appendonly yes --appendfsync always --save ''
    start_writes redis
    upgrades_keep_writes redis-cli -p "$PORT" LRANGE written 0 -1
}

@test "PostgreSQL: every acknowledged write is there after ten upgrades" {
    requires root setpriv psql python3
    local bin=/usr/lib/postgresql/15/bin
    local -a as=(setpriv --reuid=postgres --regid=postgres --clear-groups)

    [[ -x $bin/postgres ]] || skip "PostgreSQL 15 is missing"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" .
    mkdir db
    chown postgres db
    "${as[@]}" "$bin/initdb" -A trust -N -D "$PWD/db" >/dev/null
    TFPRELOAD_OVERLAP=no TFPRELOAD_EXIT_TIMEOUT=0.2 TFPRELOAD_STOP_SIGNAL=INT start_server \
        "${as[@]}" "$bin/postgres" -D "$PWD/db" -p "$PORT" -h 127.0.0.1 -k "$PWD/db"
    sql=(psql -qXAt -h 127.0.0.1 -p "$PORT" -U postgres -c)
    wait_until "${sql[@]}" 'CREATE TABLE IF NOT EXISTS written (number int)'
    start_writes postgresql
    upgrades_keep_writes "${sql[@]}" 'SELECT number FROM written'
}

# bats test_tags=slow
@test "mariadb: every acknowledged write is there after ten upgrades" {
    requires root setpriv mariadbd mariadb python3
    local -a as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)

    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" .
    mkdir db
    chown nobody db
    TFPRELOAD_OVERLAP=no TFPRELOAD_EXIT_TIMEOUT=0.2 TFPRELOAD_STOP_TIMEOUT=20 start_server \
        "${as[@]}" mariadbd --no-defaults --datadir="$PWD/db" --pid-file="$PWD/db/pid" \
        --socket="$PWD/db/socket" --bind-address=127.0.0.1 --port="$PORT" --skip-grant-tables \
        --skip-name-resolve --performance-schema=off --innodb-buffer-pool-size=8M \
        --innodb-log-file-size=4M
    sql=(mariadb --no-defaults --host=127.0.0.1 --port="$PORT" --batch --skip-column-names --execute)
    wait_until "${sql[@]}" 'CREATE OR REPLACE DATABASE written'
    "${sql[@]}" 'CREATE TABLE written.written (number int) ENGINE=InnoDB'
    start_writes mariadb
    upgrades_keep_writes "${sql[@]}" 'SELECT number FROM written.written'
}

@test "slapd: every acknowledged write is there after ten upgrades" {
    requires root slapd ldapadd ldapsearch python3
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" .
    mkdir db
    cat >slapd.conf <<END
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
directory $PWD/db
suffix dc=example
sizelimit unlimited
rootdn cn=admin,dc=example
rootpw secret
END
    chown nobody db slapd.conf
    TFPRELOAD_OVERLAP=no TFPRELOAD_EXIT_TIMEOUT=0.2 start_server \
        slapd -d 0 -u nobody -h "ldap://127.0.0.1:$PORT" -f "$PWD/slapd.conf"
    ldapadd -x -H "ldap://127.0.0.1:$PORT" -D cn=admin,dc=example -w secret <<END
dn: dc=example
objectClass: dcObject
objectClass: organization
o: example
END
    start_writes slapd
    upgrades_keep_writes written_in_slapd
}

written_in_slapd() {
    ldapsearch -LLL -x -H "ldap://127.0.0.1:$PORT" -b dc=example '(objectClass=device)' cn |
        sed -n 's/^cn: //p'
}

#!/usr/bin/env bats
#
# tfhelper status: the table for people, --json and --metrics for programs, --watch.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# status [OPTION...]: of the service, into the file `shown`; nothing else is said
status() {
    timeout "$PATIENCE" "$HELPER" status "$@" "$PID" >shown 2>errors </dev/null ||
        fail "status $*: $(cat shown errors)" || return 1
    equal "$(cat errors)" "" "stderr"
}

# shows PATTERN: a line of the table, whose columns are one blank apart here
shows() {
    tr -s ' ' <shown >squeezed
    has_log "^$1\$" squeezed || fail "$(cat shown)"
}

# json FILTER WANTED: of the last status --json, by jq
json() {
    equal "$(jq -rc "$1" shown)" "$2" "$1 of $(cat shown)"
}

# metric SERIES WANTED
metric() {
    equal "$(sed -n "s/^tfpreload_$1 //p" shown)" "$2" "$1"
}

check_metrics() {
    status --metrics
    python3 "$PROGRAMS/metrics.py" shown || fail "$(cat shown)"
}

stop_process() {
    kill -STOP "$1"
    wait_until grep -q '^State:.T' "/proc/$1/status"
}

# two_generations: one that serves, and one that drains two connections
two_generations() {
    serve epoll-level
    keep "$PORT"
    ask_kept
    keep "$PORT"
    ask_kept
    "$HELPER" upgrade "$PID"
}

# ---- the table ----

# bats test_tags=fast
@test "a service that serves" {
    serve poll
    status
    shows "service $PID: $TESTS/poll --port $PORT .*"
    shows "upgrades: 0 ready, 0 failed"
    shows "1 ready [0-9.]+ m?s 0 - $(first_pid 1)"
    shows "tcp 127.0.0.1:$PORT 0 [0-9]+"
    shows "exit-timeout 30"
    has_no_log 'last upgrade' shown
}

@test "a generation that drains: connections left, deadline, and the last upgrade" {
    two_generations
    status
    shows "upgrades: 1 ready, 0 failed"
    shows "last upgrade: generation 2 ready after [0-9.]+ m?s, [0-9.]+ m?s ago; its predecessor retired within [0-9.]+ m?s"
    shows "2 ready [0-9.]+ m?s 0 - $(first_pid 2)"
    shows "1 draining [0-9.]+ m?s 2 [23][0-9](\.[0-9]+)? s $(first_pid 1)"
}

@test "a generation that drains: who it is that keeps it" {
    requires jq python3
    serve epoll-level
    for _ in 1 2 3 4; do
        keep "$PORT"
        ask_kept >/dev/null
    done
    echo -n 'GET half a line' >&"${KEPT_ALL[2]}"
    upgrade v2
    status
    has_log '^ +127\.0\.0\.1:[0-9]+: 0 bytes pending, quiet for .*, in progress$' shown
    equal "$(count_log '^ +127\.0\.0\.1:[0-9]+: 0 bytes pending, quiet for' shown)" 3 'clients shown'
    status --json
    json '.generations[1].clients | length' 3
    json '.generations[1].clients[0] | [.pending_bytes, .in_progress, (.address | startswith("127.0.0.1:"))]' \
        '[0,true,true]'
    json '.generations[0].clients' '[]'
}

# connections_are NUMBER: of the generation that serves, once a look is due again
connections_are() {
    status --json && equal "$(jq .generations[0].connections shown)" "$1"
}

# connections_become NUMBER
connections_become() {
    wait_until connections_are "$1" 2>/dev/null || fail "$(cat shown)"
}

@test "a generation that serves: connections that are open, and nobody else's" {
    requires jq python3
    set_version v1
    serve prefork --workers 3
    keep "$PORT"
    ask_kept >/dev/null
    keep "$PORT"
    ask_kept >/dev/null
    connections_become 2
    upgrade v2
    connections_become 0
    keep "$PORT"
    ask_kept >/dev/null
    connections_become 1
    check_metrics
    metric 'connections{generation="2"}' 1
    metric 'connections{generation="1"}' 2
    metric draining_connections 2
    close_kept
    connections_become 0
}

@test "a generation that serves: connections to unix paths, over IPv6 and by datagrams, and its own to others" {
    requires jq python3
    local other

    other=$(free_port)
    start_server python3 -c '
import socket, select, sys
port, other = int(sys.argv[1]), int(sys.argv[2])
v4 = socket.create_server(("127.0.0.1", port))
v6 = socket.create_server(("::1", port), family=socket.AF_INET6)
unix = socket.socket(socket.AF_UNIX)
unix.bind("path")
unix.listen(5)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
udp.bind(("127.0.0.1", port))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) # DTLS has such
client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
client.bind(("127.0.0.1", port))
client.connect(("127.0.0.1", other))
back = socket.socketpair()
kept = []
while True:
    for listener in select.select([v4, v6, unix], [], [])[0]:
        kept.append(listener.accept()[0])
        if listener is v4: # which has it ask another server, as a proxy does
            kept.append(socket.create_connection(("::1", port)))' "$PORT" "$other"
    connections_become 1
    exec {KEPT}<>"/dev/tcp/127.0.0.1/$PORT"
    connections_become 3 # it, the datagram socket, and the one that it makes of itself over IPv6
    python3 -c 'import socket, time
unix = socket.socket(socket.AF_UNIX)
unix.connect("path")
time.sleep(600)' 3>&- &
    STARTED+=("$!")
    connections_become 4
    exec {KEPT}>&-
}

@test "a generation that serves: thousands of connections, and each is counted" {
    requires jq python3
    ulimit -n 8192 || skip "not so many descriptors"
    serve epoll-level
    mkfifo until
    python3 "$PROGRAMS/many_clients.py" "$PORT" 3000 <until >many 2>>"$LOG" 3>&- &
    STARTED+=("$!")
    exec {KEPT}>until
    wait_for_log connected many
    connections_become 3000
    status
    shows "1 ready [0-9.]+ m?s 3000 - $(first_pid 1)"
    exec {KEPT}>&-
    connections_become 0
}

@test "a generation that serves: where nobody may look, no connections are claimed" {
    requires root setpriv jq
    start setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "$HELPER" -- "$TESTS/poll" \
        --port "$PORT" --user 65534
    wait_ready 1
    status --json
    json '.generations[0].connections' null
    status --metrics
    has_no_log '^tfpreload_connections\{' shown
}

@test "an upgrade that has failed" {
    serve poll
    set_options --exit 5
    refute "$HELPER" upgrade "$PID" 2>errors
    status
    shows "upgrades: 0 ready, 1 failed"
    shows "last upgrade: generation 2 failed after .* ago: exited with status 5 after .*, before it was ready"
}

@test "an upgrade in progress, and a service that is not ready" {
    set_options --start-delay 60000
    start_with_library "$TESTS/poll" --port "$PORT" --options-file "$PWD/options"
    wait_until "$HELPER" status "$PID"
    status
    shows "1 starting [0-9.]+ m?s - [3-6][0-9](\.[0-9]+)? s [0-9]+"
    status --json
    json .current null
    json '.generations[0].state' starting
    json '.listeners' '[]'
}

@test "a service that was not ready in time" {
    TFPRELOAD_READY_TIMEOUT=0.2 start_with_library sleep 1000
    wait_for_log 'does not wait for clients'
    status
    shows "1 unready .*"
    status --json
    json '.generations[0].state' unready
    check_metrics
    metric 'generations{state="unready"}' 1
}

@test "many processes: the first ones, and how many more" {
    serve prefork --workers 10
    status
    shows "1 ready [0-9.]+ m?s 0 - $(first_pid 1)( [0-9]+){5} and 5 more"
    status --json
    json '.generations[0].processes | length' 11
    json '.generations[0].processes[0]' "{\"pid\":$(first_pid 1),\"name\":\"prefork\"}"
}

@test "settings in force" {
    TFPRELOAD_EXIT_TIMEOUT=12.5 TFPRELOAD_SIGNAL=USR2 serve poll
    status
    shows "exit-timeout 12.5"
    shows "signal USR2"
    status --json
    json '.settings["exit-timeout"]' 12.5
    json '.settings | keys_unsorted | join(" ")' \
        "$("$HELPER" --help | awk '/^ +--/ { option = substr($1, 3) } /\[TFPRELOAD_/ { print option }' | paste -sd' ')"
}

@test "what a stranger has named cannot move the cursor" {
    start "$HELPER" -- sh -c 'exec sleep 1000' $'a\e[2Jb\nc'
    wait_until "$HELPER" status "$PID"
    status
    shows "service $PID: sh -c exec sleep 1000 a\?\[2Jb\?c"
}

# ---- queues ----

@test "the length of the accept queue, and its limit" {
    serve poll --backlog 7
    stop_process "$(first_pid 1)"
    status --json
    json '.listeners' "[{\"kind\":\"tcp\",\"address\":\"127.0.0.1:$PORT\",\"queue\":0,\"limit\":7}]"
    keep "$PORT"
    keep "$PORT"
    keep "$PORT"
    wait_until queue_has "$PORT" 3
    status --json
    json '.listeners[0].queue' 3
    status
    shows "tcp 127.0.0.1:$PORT 3 7"
    check_metrics
    metric "listener_queue{kind=\"tcp\",address=\"127.0.0.1:$PORT\"}" 3
    metric "listener_queue_limit{kind=\"tcp\",address=\"127.0.0.1:$PORT\"}" 7
    kill -CONT "$(first_pid 1)"
}

@test "every kind of listener" {
    start_server python3 -c '
import socket, select, sys
port = int(sys.argv[1])
listeners = []
def listener(family, kind, address, *options):
    made = socket.socket(family, kind)
    for option in options:
        made.setsockopt(*option)
    made.bind(address)
    if kind != socket.SOCK_DGRAM:
        made.listen(5)
    listeners.append(made)
only = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
shared = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port), shared)
listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port), shared)
listener(socket.AF_INET6, socket.SOCK_STREAM, ("::1", port), only)
listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port))
listener(socket.AF_UNIX, socket.SOCK_STREAM, "a\"b\\c d")
listener(socket.AF_UNIX, socket.SOCK_SEQPACKET, "\0tfpreload-test-%d" % port)
listener(socket.AF_UNIX, socket.SOCK_DGRAM, "datagrams")
select.select(listeners, [], [])
select.select([], [], [])' "$PORT"
    status --json
    json '[.listeners[] | .kind + " " + .address + " " + (.limit | tostring)] | sort | join("|")' \
        "tcp 127.0.0.1:$PORT 5|tcp 127.0.0.1:$PORT 5|tcp [::1]:$PORT 5|udp 127.0.0.1:$PORT null|unix datagram datagrams null|unix seqpacket @tfpreload-test-$PORT 5|unix stream a\"b\\c d 5"
    check_metrics
    metric "listener_queue_limit{kind=\"tcp\",address=\"127.0.0.1:$PORT\"}" 10
    equal "$(grep -cF 'address="a\"b\\c d"' shown)" 2 "series of the unix path"
}

# ---- for programs ----

# Each path of the object, with the type of what is there.
keys() {
    jq -rc 'paths as $path | [([$path[] | if type == "number" then "N" else . end] | join(".")),
        (getpath($path) | type)] | join(" ")' shown | grep -v '^settings\.' | sort -u
}

@test "--json has the documented keys, and no others" {
    two_generations
    status --json
    equal "$(wc -l <shown)" 1 "lines"
    equal "$(keys)" "command string
current number
generations array
generations.N object
generations.N.age_seconds number
generations.N.clients array
generations.N.clients.N object
generations.N.clients.N.address string
generations.N.clients.N.in_progress boolean
generations.N.clients.N.pending_bytes number
generations.N.clients.N.quiet_seconds number
generations.N.connections number
generations.N.deadline_seconds null
generations.N.deadline_seconds number
generations.N.generation number
generations.N.pid number
generations.N.processes array
generations.N.processes.N object
generations.N.processes.N.name string
generations.N.processes.N.pid number
generations.N.state string
listeners array
listeners.N object
listeners.N.address string
listeners.N.kind string
listeners.N.limit number
listeners.N.queue number
pid number
refused_messages number
restarts number
settings object
upgrades object
upgrades.failed number
upgrades.last object
upgrades.last.age_seconds number
upgrades.last.duration_seconds number
upgrades.last.generation number
upgrades.last.outcome string
upgrades.last.reason null
upgrades.last.retired_seconds number
upgrades.ready number
upgrades.rolled_back number
version string"
    json .pid "$PID"
    json .current 2
    json .version "$("$HELPER" --version | cut -d' ' -f2)"
    json '[.generations[] | [.generation, .state, .pid, .connections]]' \
        "[[2,\"ready\",$(first_pid 2),0],[1,\"draining\",$(first_pid 1),2]]"
    json '.generations[1].deadline_seconds | . > 25 and . <= 30' true
    json '[.upgrades.ready, .upgrades.failed, .upgrades.last.outcome]' '[1,0,"ready"]'
}

@test "--json after a failed upgrade, and before any" {
    serve poll
    status --json
    json .upgrades '{"ready":0,"failed":0,"rolled_back":0,"last":null}'
    set_options --exit 5
    refute "$HELPER" upgrade "$PID" 2>errors
    status --json
    json '[.upgrades.failed, .upgrades.last.outcome, .upgrades.last.retired_seconds]' '[1,"failed",null]'
    json '.upgrades.last.reason | startswith("exited with status 5 after ")' true
    json .current 1
}

@test "--json: how long a generation took to retire is said of its own upgrade" {
    local retired

    serve poll
    set_options --start-delay 2000
    kill -HUP "$PID"
    wait_for_log 'generation 2: started'
    kill -STOP "$(first_pid 1)" # it will not retire
    wait_ready 2
    set_options
    kill -HUP "$PID"
    wait_ready 3
    wait_retired 2
    status --json
    retired=$(jq .upgrades.last.retired_seconds shown)
    [[ $retired != null ]]
    kill -CONT "$(first_pid 1)"
    wait_retired 1
    status --json
    json .upgrades.last.retired_seconds "$retired"
}

@test "a status that cannot be written is an error" {
    local form

    serve poll
    for form in "" --json --metrics --watch; do
        # shellcheck disable=SC2016 # for the shell in there
        run -1 timeout "$PATIENCE" sh -c '"$0" status $1 "$2" >/dev/full' "$HELPER" "$form" "$PID"
    done
    run -1 --separate-stderr sh -c "'$HELPER' status $PID >/dev/full"
    equal "$stderr" "tfhelper: cannot write to stdout: No space left on device"
    run -1 sh -c "'$HELPER' status $PID >&-"
    run -1 sh -c "'$HELPER' check '$TESTS/poll' >/dev/full"
}

@test "--json is UTF-8, whatever the command is called" {
    start "$HELPER" -- sh -c 'exec sleep 1000' $'quote"back\\slash\ttab\nline\e' $'\xff\xc0\xaf\xed\xa0\x80' \
        "käse 🧀 $(printf '%0600d' 0 | sed 's/0/ä/g')"
    wait_until "$HELPER" status "$PID"
    status --json
    iconv -f UTF-8 -t UTF-8 shown >/dev/null || fail "this is not UTF-8: $(cat -v shown)"
    json '.command | startswith("sh -c exec sleep 1000 quote\"back\\slash\ttab\nline\u001b \ufffd\ufffd")' true
    json '.command | contains("käse 🧀 ää")' true
}

@test "--metrics: a collector can read them, at every stage" {
    serve epoll-level
    check_metrics
    metric current_generation 1
    metric refused_messages_total 0
    metric 'upgrades_total{outcome="ready"}' 0
    keep "$PORT"
    ask_kept
    "$HELPER" upgrade "$PID"
    check_metrics
    metric current_generation 2
    metric 'upgrades_total{outcome="ready"}' 1
    metric last_upgrade_success 1
    metric draining_connections 1
    metric 'generations{state="draining"}' 1
    metric 'generations{state="ready"}' 1
    metric 'processes{generation="1"}' 1
    set_options --exit 5
    refute "$HELPER" upgrade "$PID" 2>errors
    check_metrics
    metric 'upgrades_total{outcome="failed"}' 1
    metric last_upgrade_success 0
    metric "info{version=\"$("$HELPER" --version | cut -d' ' -f2)\"}" 1
}

# ---- --watch ----

@test "--watch shows it again each second, and ends with the service" {
    serve poll
    "$HELPER" status --watch --json "$PID" >watched 2>errors </dev/null 3>&- &
    local watch=$!

    STARTED+=("$watch")
    wait_until has_lines watched 3
    has_no_log $'\e' watched
    equal "$(jq -r .current watched | sort -u)" 1
    kill -TERM "$PID"
    wait_end "$watch"
    equal "$STATUS" 0
    equal "$(cat errors)" ""
}

has_lines() {
    (($(wc -l <"$1") >= $2))
}

@test "--watch begins at the top of a terminal each time" {
    serve poll
    start python3 "$PROGRAMS/terminal.py" terminal.pid - "$HELPER" status --watch "$PID"
    PID=${STARTED[0]}
    wait_until twice_at_the_top
    kill -TERM "$PID"
    wait_for_log 'ended 0' "$OUT"
}

twice_at_the_top() {
    (($(grep -c $'^\e\\[H\e\\[2Jservice' "$OUT") >= 2))
}

@test "--watch that was stopped for a while goes on" {
    serve poll
    "$HELPER" status --watch --json "$PID" >watched 2>errors </dev/null 3>&- &
    local watch=$! before

    STARTED+=("$watch")
    wait_until has_lines watched 1
    stop_process "$watch"
    # until the helper has dropped it for its silence
    wait_until lost_client
    before=$(wc -l <watched)
    kill -CONT "$watch"
    wait_until has_lines watched "$((before + 2))"
    kill -TERM "$PID"
    wait_end "$watch"
    equal "$STATUS" 0
}

# The helper has no connection any more, and listens on.
lost_client() {
    [[ $(ss -xHnp | grep -c "@tfpreload-.*pid=$PID,") == 0 ]]
}

@test "without a PID: a line for each service" {
    serve poll
    upgrade v2
    start_with_library "$TESTS/epoll-level" --port "$(free_port)"
    wait_until lists_both "${STARTED[0]}" "$PID"
    "$HELPER" status >list
    equal "$(head -n 1 list)" "SERVICE   GENERATION  STATE            AGE  COMMAND"
    refute "$HELPER" status --json
    refute "$HELPER" status --watch
}

lists_both() {
    "$HELPER" status >list
    grep -Eq "^$1 +2 +ready +.* $TESTS/poll --port $PORT " list && grep -Eq "^$2 +1 +ready .* $TESTS/epoll-level " list
}

@test "without a PID: somebody else's are not shown, and none is 3" {
    requires root setpriv
    serve poll
    run --separate-stderr setpriv --reuid 65533 --clear-groups "$HELPER" status
    equal "$status:$output:$stderr" "3::tfhelper: no service that you may control runs here"
}

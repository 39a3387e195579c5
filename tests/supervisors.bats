#!/usr/bin/env bats
#
# The examples of scripts/supervisors, each under the supervisor that it is for: start, upgrades
# under load by its own command, with the same pid, and a stop that leaves nothing.

load helpers

readonly EXAMPLES=$ROOT/scripts/supervisors

# install_example FILE DIRECTORY: with this test's paths and port in the place of the system's
install_example() {
    mkdir -p "$2"
    sed -e "s|/usr/local/bin/|$PWD/bin/|g; s|/run/|$PWD/run/|g; s|/var/log/.*\.log|$LOG|" \
        -e "s|/etc/default/|$PWD/default/|g; s|\<8080\>|$PORT --version-file $PWD/version|" \
        "$EXAMPLES/$1" >"$2/${1##*/}"
    chmod --reference "$EXAMPLES/$1" "$2/${1##*/}"
}

# install_server NAME: one of tests/servers
install_server() {
    mkdir bin run default
    cp "$HELPER" "$LIBRARY" bin/
    cp "$TESTS/$1" bin/legacy-server
    set_version v1
}

# upgrades_lose_nothing COMMAND...: COMMAND upgrades. The pid stays.
upgrades_lose_nothing() {
    local version

    is_gone "$PID" && fail "process $PID is not there"
    start_load "$PORT" --clients 8 --kept 4 --kept-life 1
    for version in v2 v3 v4; do
        set_version "$version"
        upgrade_by "$@"
    done
    stop_load
    serves_version "$PORT" v4
    ! is_gone "$PID" || fail "process $PID has ended"
}

# nothing_is_left [PID]...: of this test's programs, but for those
nothing_is_left() {
    wait_gone "$PID"
    wait_until only_left "$@"
    refuses "$PORT"
}

only_left() {
    local pid

    for pid in $(marked); do
        [[ " $* " == *" $pid "* ]] || return 1
    done
}

@test "runit" {
    requires runsv sv
    install_server epoll-level
    install_example runit/run service
    install_example runit/check service
    LOG=$OUT # as `exec 2>&1` says
    start runsv service
    local supervisor=$PID
    wait_until sv status ./service # runsv makes its pipes first, and opens them then
    sv -w "$PATIENCE" start ./service
    ask "$PORT" # at once: that is what `check` is for
    PID=$(<service/supervise/pid)
    upgrades_lose_nothing sv hup ./service
    equal "$(<service/supervise/pid)" "$PID" "pid"
    sv -w "$PATIENCE" stop ./service
    nothing_is_left "$supervisor"
}

@test "s6: readiness on a descriptor" {
    requires s6-supervise s6-svc s6-svwait s6-svstat
    install_server thread
    install_example s6/run service
    install_example s6/notification-fd service
    start s6-supervise service
    local supervisor=$PID
    wait_until s6-svok service
    s6-svwait -U -t "${PATIENCE}000" service
    ask "$PORT" # at once
    PID=$(s6-svstat -o pid service)
    upgrades_lose_nothing s6-svc -h service
    equal "$(s6-svstat -o pid,ready service)" "$PID true" "pid, ready"
    s6-svc -wD -T "${PATIENCE}000" -d service
    nothing_is_left "$supervisor"
}

@test "supervisord" {
    requires supervisord supervisorctl
    install_server prefork
    install_example supervisord/legacy-server.conf .
    printf '%s\n' '[supervisord]' 'nodaemon=true' "logfile=$PWD/log-supervisord" "pidfile=$PWD/pid" \
        '[unix_http_server]' "file=$PWD/socket" \
        '[rpcinterface:supervisor]' \
        'supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface' \
        '[supervisorctl]' "serverurl=unix://$PWD/socket" \
        '[include]' "files=$PWD/legacy-server.conf" >supervisord.conf
    start supervisord -c supervisord.conf
    local supervisor=$PID
    wait_ready 1
    PID=$(control pid legacy-server)
    upgrades_lose_nothing control signal HUP legacy-server
    equal "$(control pid legacy-server)" "$PID" "pid"
    wait_until is_running legacy-server # STARTING in the first second, whatever it does
    control stop legacy-server
    nothing_is_left "$supervisor"
}

control() {
    supervisorctl -c supervisord.conf "$@"
}

is_running() {
    control status "$1" | grep RUNNING
}

@test "start-stop-daemon" {
    requires start-stop-daemon
    install_server select
    install_example start-stop-daemon/legacy-server .
    ./legacy-server start 3>&-
    ask "$PORT" # at once
    PID=$(<run/legacy-server.pid)
    STARTED+=("$PID")
    upgrades_lose_nothing ./legacy-server upgrade
    equal "$(<run/legacy-server.pid)" "$PID" "pid"
    ./legacy-server stop
    nothing_is_left
    [[ ! -e run/legacy-server.pid ]] || fail "the pidfile is left"
}

@test "a SysV init script" {
    install_server daemonize
    install_example sysv/legacy-server .
    echo "OPTIONS='$PWD/run/own.pid $TESTS/poll --port $PORT --version-file $PWD/version'" \
        >default/legacy-server
    LOG=$PWD/log-init
    equal "$(status_of ./legacy-server status)" 3 "status before"
    ./legacy-server start 2>"$LOG" 3>&-
    ask "$PORT" # at once
    PID=$(<run/legacy-server.tfpreload.pid)
    STARTED+=("$PID")
    equal "$(status_of ./legacy-server status)" 0 "status while it runs"
    ./legacy-server start
    upgrades_lose_nothing ./legacy-server reload
    set_version v5
    ./legacy-server restart
    serves_version "$PORT" v5
    equal "$(<run/legacy-server.tfpreload.pid)" "$PID" "pid"
    ./legacy-server stop
    nothing_is_left
    ./legacy-server stop
    equal "$(status_of ./legacy-server status)" 3 "status afterwards"
}

status_of() {
    local status=0

    "$@" >/dev/null 2>&1 || status=$?
    echo "$status"
}

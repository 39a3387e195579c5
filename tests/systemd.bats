#!/usr/bin/env bats
#
# The unit files of scripts/systemd, with a real systemd.

load helpers
load systemd

setup() {
    prepare
    prepare_systemd
}

teardown() {
    end_systemd
    clean_up
}

readonly UNITS=$ROOT/scripts/systemd SERVICE=legacy-server.service SOCKET=legacy-server.socket

# install_unit FILE [NAME]: where its first line says
install_unit() {
    sed "s/\<8080\>/$PORT/" "$UNITS/$1" >"units/${2:-$SERVICE}"
}

# install_packaged_unit LINE...: a unit as a package brings it, which knows nothing of us
install_packaged_unit() {
    # shellcheck disable=SC2016 # systemd's variable
    printf '%s\n' '[Service]' 'EnvironmentFile=/etc/default/legacy-server' \
        'ExecStart=/usr/local/bin/legacy-server $OPTIONS' "$@" >"units/$SERVICE"
}

# install_retrofit FILE: the drop-in for it
install_retrofit() {
    mkdir "units/$SERVICE.d"
    cp "$UNITS/$1" "units/$SERVICE.d/tfpreload.conf"
}

# install_server NAME [OPTION]...: one of tests/servers, which serves on PORT
install_server() {
    cp "$TESTS/$1" installed/bin/legacy-server
    shift
    set_installed_version v1
    set_server_options "$@" --port "$PORT" --version-file /etc/default/version
}

set_server_options() {
    echo "OPTIONS=$*" >default/legacy-server
}

# A daemon: what goes to the background is the program that options name.
install_daemon() {
    install_server daemonize
    cp "$TESTS/poll" installed/bin/
    set_server_options /run/legacy-server.pid /usr/local/bin/poll --port "$PORT" \
        --version-file /etc/default/version
}

set_installed_version() {
    (cd default && set_version "$1")
}

start_service() {
    start_systemd
    systemctl start "$SERVICE"
    wait_ready 1
    has_property "$SERVICE" SubState running
}

# reload VERSION: until the next generation serves
reload() {
    set_installed_version "$1"
    upgrade_by systemctl reload "$SERVICE"
}

# Upgrades under load by `systemctl reload`; nothing that systemd knows of the service changes.
reloads_lose_nothing() {
    local main version

    main=$(property "$SERVICE" MainPID)
    start_load "$PORT" --clients 8 --kept 4 --kept-life 1
    for version in v2 v3 v4; do
        reload "$version"
        has_property "$SERVICE" MainPID "$main"
        wait_until has_property "$SERVICE" SubState running
    done
    stop_load
    serves_version "$PORT" v4
    has_property "$SERVICE" NRestarts 0
    equal "$(readlink "/proc/$(main_pid "$SERVICE")/exe")" /usr/local/bin/tfhelper "main process"
}

# `systemctl stop` ends everything, and systemd counts it as a success.
stop_leaves_nothing() {
    systemctl stop "$SERVICE"
    has_property "$SERVICE" ActiveState inactive
    has_property "$SERVICE" Result success
    has_property "$SERVICE" ControlGroup ""
    only_systemd_is_left
}

only_systemd_is_left() {
    local pid

    for pid in $(marked); do
        [[ $pid == "$SYSTEMD" || $pid == "$SYSTEMD_PARENT" ]] ||
            fail "left: $(ps -ww -o pid=,args= -p "$pid")"
    done
}

# The client that is being answered while `systemctl stop` runs gets its answer.
stop_finishes_connections() {
    keep "$PORT"
    ask_kept >/dev/null
    systemctl stop --no-block "$SERVICE"
    wait_for_log 'draining 1 connection|finishes its connections'
    ask_kept >/dev/null
    close_kept
    wait_until has_property "$SERVICE" ActiveState inactive
}

@test "notify.service: start waits until it serves, reload upgrades, stop ends everything" {
    install_unit notify.service
    install_server epoll-level --start-delay 300
    start_systemd
    systemctl start "$SERVICE"
    ask "$PORT" # at once
    has_property "$SERVICE" StatusText "$(property "$SERVICE" StatusText | grep '^Generation 1 serves')"
    reloads_lose_nothing
    property "$SERVICE" StatusText | grep '^Generation 4 serves'
    stop_leaves_nothing
}

@test "notify.service: a reload that fails says so, and the service serves on" {
    install_unit notify.service
    install_server epoll-level
    start_service
    set_server_options --exit 3
    printf '%s\n' '--exit 3' >default/options
    mv installed/bin/legacy-server installed/bin/good
    printf '%s\n' '#!/bin/sh' 'exit 3' >installed/bin/legacy-server
    chmod 755 installed/bin/legacy-server
    refute systemctl reload "$SERVICE"
    property "$SERVICE" StatusText | grep 'failed: exited with status 3'
    has_property "$SERVICE" SubState running
    serves_version "$PORT" v1
    mv installed/bin/good installed/bin/legacy-server
    reload v2
    serves_version "$PORT" v2
}

@test "notify.service: stop lets connections finish" {
    install_unit notify.service
    install_server thread
    start_service
    stop_finishes_connections
    has_property "$SERVICE" Result success
}

@test "notify.service: a server that dies is started again" {
    install_unit notify.service
    install_server poll
    start_service
    inside kill -KILL "$(first_pid 1)"
    wait_until has_property "$SERVICE" NRestarts 1
    wait_until serves_version "$PORT" v1
}

@test "notify-reload.service: reload upgrades (before systemd 253: is well-formed)" {
    install_unit notify-reload.service
    if ! knows_notify_reload; then
        sed -i 's/^Type=notify-reload/Type=notify/' "units/$SERVICE"
        install_server poll
        start_systemd
        equal "$(inside systemd-analyze verify "/etc/systemd/system/$SERVICE" 2>&1)" "" "findings"
        return
    fi
    install_server epoll-edge
    start_service
    reloads_lose_nothing
    stop_leaves_nothing
}

knows_notify_reload() {
    (($(command systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p') >= 253))
}

@test "simple.service: reload upgrades, stop ends everything" {
    install_unit simple.service
    install_server epoll-edge
    start_service
    reloads_lose_nothing
    stop_leaves_nothing
}

@test "forking.service: a daemon keeps its main process, reload upgrades, stop ends everything" {
    install_unit forking.service
    install_daemon
    start_service
    equal "$(inside cat /run/legacy-server.tfpreload.pid)" "$(property "$SERVICE" MainPID)" "pidfile"
    reloads_lose_nothing
    stop_leaves_nothing
    refute inside test -e /run/legacy-server.tfpreload.pid
}

@test "activated: a server that has never heard of it starts with the first client" {
    install_unit activated.socket "$SOCKET"
    install_unit activated.service
    install_server select
    start_systemd
    systemctl start "$SOCKET"
    has_property "$SERVICE" ActiveState inactive
    serves_version "$PORT" v1
    has_property "$SERVICE" SubState running
    reloads_lose_nothing
}

@test "activated: nothing is lost by a restart, either" {
    install_unit activated.socket "$SOCKET"
    install_unit activated.service
    install_server thread
    start_systemd
    systemctl start "$SOCKET"
    start_load "$PORT" --clients 8 --kept 4 --kept-life 1
    set_installed_version v2
    systemctl restart "$SERVICE"
    stop_load
    serves_version "$PORT" v2
}

@test "retrofit.conf: an installed unit" {
    install_packaged_unit ExecStartPre=/bin/true
    install_retrofit retrofit.conf
    install_server prefork
    start_service
    reloads_lose_nothing
    stop_leaves_nothing
}

# A path of its own for what configures it, and none for the log: nothing else of the machine is seen.
install_haproxy() {
    cp /lib/systemd/system/haproxy.service units/
    mkdir units/haproxy.service.d
    cp "$UNITS/retrofit.conf" units/haproxy.service.d/tfpreload.conf
    printf '%s\n' '[Service]' BindReadOnlyPaths= >units/haproxy.service.d/no-log.conf
    echo 'CONFIG=/etc/default/haproxy.cfg' >default/haproxy
}

# configure_haproxy VERSION
configure_haproxy() {
    cat >default/haproxy.cfg <<END
global
    stats socket /run/haproxy-admin.sock mode 660 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend web
    bind 127.0.0.1:$PORT
    http-request return status 200 content-type text/plain string "served by $1"
END
}

# haproxy_answers VERSION: to clients, and on both of its unix sockets to who administers it
haproxy_answers() {
    exec 7<>"/dev/tcp/127.0.0.1/$PORT" || return
    printf 'GET / HTTP/1.0\r\n\r\n' >&7
    grep -q "served by $1" <&7 || return
    exec 7>&-
    inside python3 "$PROGRAMS/haproxy_says.py" /run/haproxy-admin.sock 'show info' | grep -q '^Uptime:' &&
        inside python3 "$PROGRAMS/haproxy_says.py" /run/haproxy-master.sock 'show proc' | grep -q worker
}

# It binds each unix path beside, and renames it; its master is told to serve by its workers.
@test "retrofit.conf: haproxy with Debian's own unit, stats socket and master socket" {
    local main version

    requires haproxy
    install_haproxy
    configure_haproxy v1
    start_systemd
    systemctl start haproxy.service
    wait_ready 1
    main=$(property haproxy.service MainPID)
    start_load "$PORT" --clients 4 --protocol http --expect 'served by v'
    for version in v2 v3 v4 v5; do
        configure_haproxy "$version"
        upgrade_by systemctl reload haproxy.service
        wait_until haproxy_answers "$version"
    done
    stop_load
    has_property haproxy.service MainPID "$main"
    has_property haproxy.service NRestarts 0
    systemctl stop haproxy.service
    has_property haproxy.service Result success
    only_systemd_is_left
}

# install_hardened_unit SERVER: nothing allowed that it does not need
install_hardened_unit() {
    install_packaged_unit User=nobody CapabilityBoundingSet= NoNewPrivileges=yes \
        ProtectSystem=strict ProtectHome=tmpfs PrivateDevices=yes PrivateUsers=yes PrivateIPC=yes \
        ProtectKernelTunables=yes ProtectKernelModules=yes ProtectKernelLogs=yes \
        ProtectControlGroups=yes ProtectClock=yes ProtectHostname=yes ProtectProc=invisible \
        ProcSubset=pid LockPersonality=yes MemoryDenyWriteExecute=yes RestrictNamespaces=yes \
        RestrictRealtime=yes RestrictSUIDSGID=yes SystemCallArchitectures=native \
        SystemCallFilter=@system-service 'SystemCallFilter=~@privileged @resources' \
        'RestrictAddressFamilies=AF_INET AF_INET6'
    install_retrofit retrofit.conf
    install_server "$1"
}

# allow_families NAME...: as retrofit.conf says
allow_families() {
    echo "RestrictAddressFamilies=$*" >>"units/$SERVICE.d/tfpreload.conf"
}

@test "retrofit.conf: an installed unit that is hardened as far as it goes" {
    install_hardened_unit thread
    allow_families AF_UNIX AF_NETLINK
    start_service
    reloads_lose_nothing
    stop_leaves_nothing
}

@test "retrofit.conf: a hardened unit without AF_NETLINK loses nothing, either" {
    install_hardened_unit epoll-level
    allow_families AF_UNIX
    start_service
    reloads_lose_nothing
    stop_leaves_nothing
}

@test "retrofit.conf: a hardened unit without AF_UNIX runs without upgrades" {
    install_hardened_unit poll
    start_systemd
    systemctl start "$SERVICE"
    wait_for_log 'cannot open a unix socket: .*; running without upgrades'
    wait_until serves_version "$PORT" v1
    systemctl stop "$SERVICE"
}

@test "retrofit-forking.conf: an installed unit with its own pidfile" {
    install_packaged_unit Type=forking PIDFile=/run/legacy-server.pid
    install_retrofit retrofit-forking.conf
    install_daemon
    start_service
    reloads_lose_nothing
    stop_leaves_nothing
}

# filtered_static_server LINE...: simple.service with a static server, and these lines
filtered_static_server() {
    install_unit simple.service
    mkdir "units/$SERVICE.d"
    printf '%s\n' '[Service]' "$@" >"units/$SERVICE.d/filter.conf"
    install_server epoll-level
    cc -static -D_GNU_SOURCE -std=c11 -I"$ROOT/tests/servers" -o installed/bin/legacy-server \
        "$ROOT"/tests/servers/{epoll-level,common*}.c -pthread || skip "no static programs can be built here"
    start_systemd
    systemctl start "$SERVICE"
    wait_until serves_version "$PORT" v1
}

@test "a static server in a unit whose SystemCallFilter= ends who watches: it serves, and one line says why" {
    filtered_static_server SystemCallFilter=@system-service
    has_log '^tfpreload: /usr/local/bin/legacy-server cannot be watched from outside: seccomp\(2\) is denied here, by a unit.s SystemCallFilter='
    has_property "$SERVICE" NRestarts 0
}

@test "the same where such a call is an error" {
    filtered_static_server SystemCallFilter=@system-service SystemCallErrorNumber=EPERM
    has_log '^tfpreload: /usr/local/bin/legacy-server cannot be watched from outside: seccomp\(2\) is denied here, by a unit.s SystemCallFilter='
    has_property "$SERVICE" NRestarts 0
}

@test "a static server whose unit lets it be watched, and its listeners be taken by neither call" {
    filtered_static_server 'SystemCallFilter=@system-service seccomp'
    wait_for_log 'does not let its descriptors be taken: Operation not permitted; what it binds cannot be inherited$'
    has_property "$SERVICE" NRestarts 0
}

@test "a static server in a unit with the filter that the manual names is upgraded" {
    filtered_static_server 'SystemCallFilter=@system-service @debug seccomp'
    wait_ready 1
    reloads_lose_nothing
    stop_leaves_nothing
}

# Connections that idle are closed by a copy of their descriptor.
@test "TFPRELOAD_IDLE in a unit whose SystemCallFilter= ends who copies descriptors: it serves on, and upgrades" {
    install_unit simple.service
    mkdir "units/$SERVICE.d"
    printf '%s\n' '[Service]' SystemCallFilter=@system-service Environment=TFPRELOAD_IDLE=close:0.1 \
        Environment=TFPRELOAD_EXIT_TIMEOUT=2 >"units/$SERVICE.d/filter.conf"
    install_server epoll-level
    start_service
    keep "$PORT"
    ask_kept >/dev/null
    reload v2
    wait_generation_gone 1
    serves_version "$PORT" v2
    has_property "$SERVICE" NRestarts 0
    close_kept
}

@test "every unit file is well-formed" {
    install_server poll
    start_systemd
    local file
    for file in notify simple forking activated; do
        install_unit activated.socket "$SOCKET"
        install_unit "$file.service"
        equal "$(inside systemd-analyze verify "/etc/systemd/system/$SERVICE" 2>&1)" "" "$file.service"
    done
    equal "$(inside systemd-analyze verify "/etc/systemd/system/$SOCKET" 2>&1)" "" "activated.socket"
}

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

readonly UNITS=$ROOT/scripts/systemd SERVICE=legacy-server.service

# install_unit FILE [NAME]: as its first line says
install_unit() {
    sed "s/\<8080\>/$PORT/" "$UNITS/$1" >"units/${2:-$SERVICE}"
}

# install_server NAME [OPTION]...: one of tests/servers, with what it needs to serve on PORT
install_server() {
    cp "$TESTS/$1" installed/bin/legacy-server
    shift
    set_version v1
    echo "OPTIONS=--port $PORT --version-file $PWD/version $*" >default/legacy-server
}

start_service() {
    start_systemd
    systemctl start "$SERVICE"
    wait_ready 1
    has_property "$SERVICE" SubState running
}

# reload VERSION: until the next generation serves
reload() {
    set_version "$1"
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
}

# `systemctl stop` ends everything, and systemd counts it as a success.
stop_leaves_nothing() {
    systemctl stop "$SERVICE"
    has_property "$SERVICE" ActiveState inactive
    has_property "$SERVICE" Result success
    equal "$(property "$SERVICE" ControlGroup)" "" "cgroup"
    refuses "$PORT"
}

@test "simple.service: reload upgrades, stop ends everything" {
    install_unit simple.service
    install_server epoll-level
    start_service
    reloads_lose_nothing
    stop_leaves_nothing
}

# shellcheck shell=bash
#
# A real systemd, as pid 1 of its own pid, mount, cgroup, IPC and host name namespaces; the network
# is the test's, so that clients reach its services from outside. It knows no unit but those in the
# directory `units`, and finds what the directories `installed/bin` and `installed/lib` hold below
# /usr/local. /etc and /proc/sys are read-only for it. It ends, with all that it has started, when
# its first process is killed; nothing of it was ever seen by the rest of the machine.

# What default dependencies name, and units are installed into: nothing is behind them here.
readonly SYSTEMD_TARGETS=(sysinit basic sockets multi-user network shutdown test)

# can_run_systemd: why not goes to stderr
can_run_systemd() {
    unshare --pid --fork --cgroup --ipc --uts true && with_cgroups true
}

# with_cgroups COMMAND...: which sees the version 2 hierarchy, whatever this machine has mounted
with_cgroups() {
    export -f mount_cgroups
    # shellcheck disable=SC2016 # for the other shell
    unshare --mount bash -c 'mount_cgroups && "$@"' bash "$@"
}

mount_cgroups() {
    umount --lazy /sys/fs/cgroup 2>/dev/null
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# prepare_systemd: the directories, as described above; the test adds its units
prepare_systemd() {
    local target

    requires root unshare nsenter systemd systemctl
    can_run_systemd 2>reason || skip "systemd cannot run here: $(<reason)"
    mkdir -p units/service.d installed/bin installed/lib default
    for target in "${SYSTEMD_TARGETS[@]}"; do
        printf '[Unit]\nDefaultDependencies=no\n' >"units/$target.target"
    done
    # for every service: it can be found by its mark, and its output is the test's
    printf '%s\n' '[Service]' "Environment=TFP_TEST_ID=$TFP_TEST_ID" \
        "StandardOutput=append:$OUT" "StandardError=append:$LOG" >units/service.d/test.conf
    cp "$HELPER" installed/bin/
    cp "$LIBRARY" installed/lib/
    ln -s ../bin/tfhelper installed/lib/
}

# start_systemd: returns when it answers. SYSTEMD is its pid, as seen from here.
start_systemd() {
    export SYSTEMD_FILES=$PWD
    export -f mount_cgroups enter_cgroup become_systemd
    LOG=$PWD/log-systemd start setpriv --pdeathsig KILL unshare --mount bash -c \
        'mount_cgroups && enter_cgroup && exec unshare --pid --fork --kill-child=KILL --mount-proc \
            --cgroup --ipc --uts bash -c become_systemd'
    SYSTEMD_PARENT=$PID
    wait_until systemd_is_executed || return 1
    SYSTEMD=$(children "$SYSTEMD_PARENT" | tr -d ' ')
    wait_until systemd_is_up
}

# What prepares its namespaces has children of its own before.
systemd_is_executed() {
    [[ $(cat "/proc/$(children "$SYSTEMD_PARENT" | tr -d ' ')/comm") == systemd ]]
}

systemd_is_up() {
    [[ $(systemctl is-active test.target) == active ]]
}

# Our own cgroup is the root of what systemd will see of the hierarchy, and where it writes.
enter_cgroup() {
    mkdir "/sys/fs/cgroup/$TFP_TEST_ID" && echo 0 >"/sys/fs/cgroup/$TFP_TEST_ID/cgroup.procs"
}

# container= makes systemd leave the hardware, the console and the kernel's settings alone.
become_systemd() {
    local directory

    set -e
    mount_cgroups
    mount -t tmpfs tmpfs /run
    for directory in /etc /proc/sys; do
        mount --bind "$directory" "$directory"
        mount -o remount,bind,ro "$directory"
    done
    mount --bind "$SYSTEMD_FILES/units" /etc/systemd/system
    mount --bind "$SYSTEMD_FILES/default" /etc/default
    mount --bind "$SYSTEMD_FILES/installed/bin" /usr/local/bin
    mount --bind "$SYSTEMD_FILES/installed/lib" /usr/local/lib
    cd /
    exec env container=test SYSTEMD_UNIT_PATH=/etc/systemd/system "$(command -v systemd)" \
        --system --unit=test.target --show-status=no --log-target=console
}

# inside COMMAND...: as if it had been typed on that machine
inside() {
    nsenter --target "$SYSTEMD" --mount --uts --ipc --pid --cgroup -- "$@"
}

systemctl() {
    inside systemctl --no-pager "$@"
}

# property UNIT NAME
property() {
    systemctl show --property "$2" --value "$1"
}

has_property() {
    equal "$(property "$1" "$2")" "$3" "$2 of $1"
}

# main_pid UNIT: its main process, by the pid that we see here
main_pid() {
    local pid inner

    inner=$(property "$1" MainPID)
    for pid in $(marked); do
        [[ $(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status") != "$inner" ]] || echo "$pid"
    done
}

# in_cgroup UNIT: how many processes it has
in_cgroup() {
    inside cat "/sys/fs/cgroup$(property "$1" ControlGroup)/cgroup.procs" 2>/dev/null | wc -l
}

end_systemd() {
    [[ -n ${SYSTEMD_PARENT:-} ]] || return 0
    kill -KILL "$SYSTEMD_PARENT"
    wait_gone "$SYSTEMD_PARENT" "$SYSTEMD"
    export -f remove_cgroup
    wait_until with_cgroups remove_cgroup
}

remove_cgroup() {
    local cgroup=/sys/fs/cgroup/$TFP_TEST_ID

    [[ ! -e $cgroup ]] || find "$cgroup" -depth -type d -exec rmdir {} +
}

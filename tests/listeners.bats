#!/usr/bin/env bats
#
# Listeners side by side, and such as came from outside: each is inherited by what its program
# asked for, and by nothing else.

load helpers
load listeners

# ---- listeners side by side ----

@test "TCP and UDP, IPv4 and IPv6 on one port are not taken for one another" {
    each_is_inherited "udp 127.0.0.1 $PORT" "tcp 127.0.0.1 $PORT" "tcp ::1 $PORT" "udp ::1 $PORT"
}

@test "MPTCP is inherited by MPTCP, and by nothing else" {
    [[ $(cat /proc/sys/net/mptcp/enabled 2>/dev/null) == 1 ]] || skip "this kernel has no MPTCP"
    each_is_inherited "mptcp 127.0.0.1 $PORT" "tcp 127.0.0.2 $PORT"
    listen_on "tcp 127.0.0.1 $PORT"
    upgrade_fails 'exited with status 1'
    answers "mptcp 127.0.0.1 $PORT" v3
}

@test "SCTP is inherited by SCTP, and by nothing else" {
    requires python3
    if ! python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)' 2>no; then
        # few kernels have it: where nothing may be skipped, this is no failure
        [[ ${TFPRELOAD_TEST_MUST:-} == 1 ]] || skip "this kernel has no SCTP: $(tail -n 1 no)"
        return 0
    fi
    each_is_inherited "sctp 127.0.0.1 $PORT" "tcp 127.0.0.1 $PORT"
}

@test "an address that is not ours: IP_FREEBIND and IP_TRANSPARENT" {
    requires root
    each_is_inherited "tcp 127.0.0.1 $PORT" "tcp 127.0.0.2 $PORT transparent" \
        "tcp 127.0.0.3 $PORT freebind"
    listeners_of 3 | grep -q "transparent: inode [0-9]* transparent$"
    # who does not ask for it does not get it
    listen_on "tcp 127.0.0.1 $PORT" "tcp 127.0.0.2 $PORT" "tcp 127.0.0.3 $PORT"
    upgrade v4
    refute grep -q "inode .*(transparent|freebind)" <(listeners_of 4)
    # nobody has this one, so that nothing but its option lets it be bound
    listen_on "tcp 192.0.2.77 $PORT freebind" "tcp 192.0.2.78 $PORT transparent"
    upgrade v5
    upgrade v6
    diff <(listeners_of 5) <(listeners_of 6)
}

@test "the same address and port on two devices, SO_BINDTODEVICE" {
    requires root ip nsenter unshare python3
    local i
    set_version v1
    listen_on "tcp 0.0.0.0 $PORT device=one" "tcp 0.0.0.0 $PORT device=lo"
    # shellcheck disable=SC2016 # for that shell
    start unshare --net sh -c 'ip link set lo up; ip link add one type veth peer name other
        exec env LD_PRELOAD="$0" python3 "$@"' "$LIBRARY" "$PROGRAMS/listeners.py" version listeners
    wait_ready 1
    # the other way round: the k-th is not the k-th any more
    listen_on "tcp 0.0.0.0 $PORT device=lo" "tcp 0.0.0.0 $PORT device=one"
    for i in 2 3; do
        upgrade "v$i"
        diff <(listeners_of 1 | sort) <(listeners_of "$i" | sort)
        [[ $(nsenter --target "$PID" --net python3 "$PROGRAMS/ask.py" "tcp 127.0.0.1 $PORT") == \
            "v$i "* ]] || fail "no answer through lo"
    done
    # bound to no device is something else, and cannot be had while the others are there
    listen_on "tcp 0.0.0.0 $PORT"
    upgrade_fails 'exited with status 1'
}

@test "IPv6 link-local addresses, by scope id or by device, and a device that is set after bind" {
    requires root ip unshare python3
    local i port=10000
    set_version v1
    listen_on "tcp fe80::1%one $((port + 1))" "udp fe80::1%one $((port + 1))" \
        "tcp fe80::1 $((port + 2)) device=one" "udp fe80::1 $((port + 2)) device=one" \
        "tcp ::1%1 $((port + 3))" "udp ff02::1:5%one $((port + 4))" \
        "tcp 0.0.0.0 $((port + 5)) late-device=one" "udp 0.0.0.0 $((port + 5)) late-device=one"
    # shellcheck disable=SC2016 # for that shell
    start unshare --net sh -c 'ip link set lo up; ip link add one type veth peer name other
        ip link set one up; ip link set other up; ip addr add fe80::1/64 dev one nodad
        exec env LD_PRELOAD="$0" python3 "$@"' "$LIBRARY" "$PROGRAMS/listeners.py" version listeners
    wait_ready 1
    for i in 2 3; do
        upgrade "v$i"
        diff <(listeners_of 1) <(listeners_of "$i")
    done
    # the same for the kernel, asked for in the other way
    listen_on "tcp fe80::1 $((port + 1)) device=one" "udp fe80::1 $((port + 1)) device=one" \
        "tcp fe80::1%one $((port + 2))" "udp fe80::1%one $((port + 2))" \
        "tcp ::1 $((port + 3))" "udp ff02::1:5 $((port + 4)) device=one" \
        "tcp 0.0.0.0 $((port + 5))" "udp 0.0.0.0 $((port + 5))"
    upgrade v4
    diff <(listeners_of 1 | sed 's/.*://') <(listeners_of 4 | sed 's/.*://')
}

@test "bind() with AF_UNSPEC is one with AF_INET, and an error where that is one" {
    requires python3
    cat >server.py <<'END'
import ctypes, os, select, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)


def bind(family, host):
    one = socket.socket(family)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    address = struct.pack("=H", socket.AF_UNSPEC) + struct.pack(
        "!H4s20x", int(sys.argv[1]), socket.inet_aton(host))
    failed = libc.bind(one.fileno(), address, len(address)) == -1
    return one, os.strerror(ctypes.get_errno()) if failed else "bound"


for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "0.0.0.0")):
    print(bind(family, host)[1], flush=True)
listener, outcome = bind(socket.AF_INET, "0.0.0.0")
listener.listen()
print(outcome, flush=True)
select.select([listener], [], [])
END
    start_server python3 server.py "$PORT"
    upgrade
    upgrade
    equal "$(uniq -c "$OUT" | sed 's/^ *//')" "$(printf '2 %s\n1 bound\n' \
        "Address family not supported by protocol"{,,})"
    equal "$(count_log 'with 1 inherited listener$')" 2
}

@test "a listener that a generation closes for good is closed" {
    local other
    other=$(free_port)
    start_listeners "tcp 127.0.0.1 $PORT" "tcp 127.0.0.1 $other"
    answers "tcp 127.0.0.1 $other" v1
    kill -USR1 "$(first_pid 1)"
    wait_for_log '^closed$' "$OUT"
    refuses "$other"
    upgrade v2 # which listens on both
    has_log 'generation 2: started, pid [0-9]+, with 1 inherited listener$'
    answers "tcp 127.0.0.1 $other" v2
    kill -USR1 "$(first_pid 2)"
    wait_until closed_twice
    refuses "$other"
    answers "tcp 127.0.0.1 $PORT" v2
}

closed_twice() {
    equal "$(count_log '^closed$' "$OUT")" 2
}

# ---- descriptors that came from outside ----

@test "socket activation: LISTEN_FDS stay open, and LISTEN_PID is right in each generation" {
    requires python3
    start python3 "$PROGRAMS/activate.py" "$PORT" "$HELPER" -- "$TESTS/activated"
    wait_ready 1
    equal "$(ask "$PORT" | cut -d' ' -f1,3)" "1 token"
    upgrade
    equal "$(ask "$PORT" | cut -d' ' -f1,3)" "1 token"
    upgrade
    equal "$(ask "$PORT" | cut -d' ' -f1,3)" "1 token"
    has_no_log "no sockets"
}

# many_listeners KIND COUNT SETS: all are inherited, with as many descriptors as they need
many_listeners() {
    requires python3
    set_version v1
    (($(ulimit -Sn) <= 1100)) || ulimit -Sn 1100
    start_server python3 "$PROGRAMS/many_listeners.py" "$1" "$2" "$3" "$PORT" version
    upgrade v2
    has_log "started, pid [0-9]+, with $2 inherited listeners\$"
    has_no_log 'does not listen'
    python3 "$PROGRAMS/many_listeners.py" ask "$1" "$2" "$PORT" v2
    upgrade v3
    python3 "$PROGRAMS/many_listeners.py" ask "$1" "$2" "$PORT" v3
}

@test "a thousand listeners in one process" {
    many_listeners tcp 1000 1
}

@test "whoever sends listener after listener is waited for, however slowly they come" {
    local server

    requires python3 strace
    set_version v1
    start_server python3 "$PROGRAMS/many_listeners.py" tcp 8 1 "$PORT" version
    server=$(first_pid 1)
    strace -qq -f -e trace=sendmsg -e inject=sendmsg:delay_exit=600000 -o trace -p "$server" 3>&- &
    STARTED+=($!)
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$server/status"
    kill -HUP "$PID"
    wait_for_log "generation 2: started, pid [0-9]+, with 8 inherited listeners\$"
    kill -TERM $!
    wait_ready 2
}

@test "three hundred listeners, and two threads that wait for them" {
    many_listeners tcp 300 2
}

@test "sixty-four threads that wait for the same listeners" {
    many_listeners tcp 10 64
}

@test "unix: three hundred paths" {
    many_listeners unix 300 2
}

@test "udp: three hundred sockets" {
    many_listeners udp 300 2
}

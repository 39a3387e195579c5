#!/usr/bin/env bats
# Every kind of listener: each is inherited by what its program asked for, and by nothing else.

load helpers

# ---- UDP ----

# udp_upgrades HOST OPTION...: upgrades of a datagram server whose clients ask all the time
udp_upgrades() {
    local host=$1

    shift
    set_version v1
    start_server "$TESTS/udp-server" "$@" "$PORT" "$PWD/version"
    upgrades_under_udp_load "$host"
}

# upgrades_under_udp_load HOST: three of them, with nothing lost
upgrades_under_udp_load() {
    local host=$1 status=0 i

    "$TESTS/udp-load" "$host" "$PORT" 16 60 >udp.out 2>log-versions 3>&- &
    LOAD_PID=$!
    for i in 2 3 4; do
        upgrade "v$i"
        wait_for_log "^version v$i\$" log-versions
    done
    # the older generations may still owe answers: their ends belong to the test
    wait_generation_gone 3
    kill -INT "$LOAD_PID"
    wait_gone "$LOAD_PID"
    wait "$LOAD_PID" || status=$?
    LOAD_PID=
    cat udp.out
    equal "$status" 0 "status of the UDP load"
    [[ $(cat udp.out) == *"lost 0 wrong 0"*"versions 4" ]] || fail "not all versions answered"
}

@test "udp: a server that blocks in recvfrom" {
    udp_upgrades 127.0.0.1 -4
}

@test "udp: a server that polls" {
    udp_upgrades 127.0.0.1 -4 -p
}

# poll() says "a datagram", and then the receive blocks until there is one: it never says EAGAIN
@test "udp: a server that polls, and ends at an error of its blocking receive" {
    udp_upgrades 127.0.0.1 -4 -p -e
}

@test "udp: the same in four threads" {
    udp_upgrades 127.0.0.1 -4 -p -e -n 4
}

@test "udp: an event loop whose datagram socket blocks serves its connections on" {
    set_version v1
    start_server python3 "$PROGRAMS/mixed_loop.py" "$PORT" "$PWD/version"
    keep "$PORT"
    equal "$(ask_kept)" "v1 $(first_pid 1) kept"
    upgrades_under_udp_load 127.0.0.1
    equal "$(ask_kept)" "v1 $(first_pid 1) kept" "answer of generation 1"
}

@test "udp: IPv6, and IPv4 clients of an IPv6 socket" {
    udp_upgrades ::1 -6
}

@test "udp: a server with a thread of libc's that blocks all signals (SIGEV_THREAD)" {
    udp_upgrades 127.0.0.1 -4 -t
}

@test "udp: late answers leave from the service's port" {
    udp_upgrades 127.0.0.1 -4 -d 40
}

@test "udp: late answers over IPv6" {
    udp_upgrades ::1 -6 -p -d 40
}

@test "udp: a server that executes itself and keeps the socket, blocks in recvfrom" {
    udp_upgrades 127.0.0.1 -4 -x
}

@test "udp: a server that executes itself and keeps the socket, polls" {
    udp_upgrades ::1 -6 -x -p -e
}

# udp_activation KIND DESCRIPTOR OPTION...: see activate.py
udp_activation() {
    local kind=$1 descriptor=$2

    shift 2
    requires python3
    set_version v1
    start python3 "$PROGRAMS/activate.py" "$kind:$PORT" "$HELPER" -- \
        "$TESTS/udp-server" "$@" "+$descriptor" "$PWD/version"
    wait_ready 1
    upgrades_under_udp_load 127.0.0.1
}

@test "udp: socket activation, a server that blocks in recvfrom" {
    udp_activation udp 3
}

@test "udp: socket activation, a server that polls" {
    udp_activation udp 3 -p -e
}

@test "udp: inetd's wait, a server that blocks in recvfrom" {
    udp_activation inetd 0
}

@test "udp: inetd's wait, a server that polls" {
    udp_activation inetd 0 -p -e
}

@test "udp: what a program is given and another one has bound for itself is left alone" {
    requires python3
    local port
    set_version v1
    start_server python3 "$PROGRAMS/habits.py" resolver "$PORT" version
    ask "$PORT" >/dev/null
    wait_for_log '^resolver on' "$OUT"
    port=$(sed -n 's/^resolver on //p' "$OUT")
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    has_log 'started, pid [0-9]+, with 1 inherited listener$'
    serves_version "$PORT" v2
    echo reply >"/dev/udp/127.0.0.1/$port"
    wait_for_log '^resolver got a reply$' "$OUT"
}

@test "udp: TCP and UDP on the same port are different listeners" {
    set_version v1
    start_server sh -c "'$TESTS/udp-server' -p $PORT '$PWD/version' &
        exec '$TESTS/fork' --port $PORT --version-file '$PWD/version'"
    upgrade v2
    serves_version "$PORT" v2
    "$TESTS/udp-load" 127.0.0.1 "$PORT" 1 1 >udp.out
    has_log "lost 0 wrong 0 .* versions 1" udp.out
    # the shell's child is nobody's to end, with us as without us
    local udp
    udp=$(pgrep -P "$(first_pid 2)" -f udp-server)
    kill -TERM "$PID"
    wait_end
    kill -TERM "$udp"
}

@test "udp: a unix datagram socket keeps its path" {
    set_version v1
    start_server "$TESTS/udp-server" "@$PWD/socket" "$PWD/version"
    local inode
    inode=$(stat -c %i socket)
    upgrade v2
    equal "$(stat -c %i socket)" "$inode" "inode of the path"
}

@test "udp: multicast groups that are joined after bind" {
    local v4 v6
    v4=$(printf ' join=%s' {IP_ADD,IP_ADD_SOURCE}_MEMBERSHIP MCAST_JOIN_{,SOURCE_}GROUP)
    v6=$(printf ' join=%s' IPV6_JOIN_GROUP MCAST_JOIN_{,SOURCE_}GROUP_6)
    each_is_inherited "udp 127.0.0.1 $PORT$v4" "udp ::1 $PORT$v6"
}

@test "udp: a group that a program joins twice itself is an error, as without us" {
    requires python3
    set_version v1
    listen_on "udp 127.0.0.1 $PORT join=IP_ADD_MEMBERSHIP join=IP_ADD_MEMBERSHIP"
    start_with_library python3 "$PROGRAMS/listeners.py" version listeners
    wait_end
    equal "$STATUS" 1 "status of the server"
    has_log 'Address already in use'
}

has_options() {
    [[ $(count_log '^end of options' "$1") == 1 ]]
}

@test "udp and unix datagrams: options that are set before bind are those of the new version" {
    local variant variants=(plain rich stamps nano "new stamps" "new nano")

    requires python3
    for variant in "${variants[@]}"; do
        echo "$variant" >variant
        OUT=$PWD/out-$variant start python3 "$PROGRAMS/datagram_options.py" "$(free_port)" \
            "$PWD/socket-$variant" variant
        wait_until has_options "out-$variant"
        kill -TERM "$PID"
    done
    refute diff out-plain out-rich >/dev/null
    echo plain >variant
    start_server python3 "$PROGRAMS/datagram_options.py" "$PORT" "$PWD/socket" variant
    for variant in rich plain nano rich stamps "new nano" "new stamps" nano "new stamps" stamps \
        "new nano" rich "new nano" nano stamps nano plain; do
        echo "$variant" >variant
        : >"$OUT"
        upgrade
        wait_until has_options "$OUT"
        diff "out-$variant" "$OUT" || fail "adopted as $variant"
    done
}

# sockets_on_device COUNT: so many datagram sockets on PORT, each bound to lo
sockets_on_device() {
    ss -Hlun "sport = :$PORT" >sockets
    equal "$(wc -l <sockets) $(grep -c '%lo:' sockets)" "$1 $1" "sockets, and those bound to lo"
}

@test "udp: late answers leave by the device that the socket was bound to" {
    requires ss
    export TFPRELOAD_STOP_SIGNAL=WINCH # which the old generation ignores: it stays for some seconds
    start_listeners "udp 127.0.0.1 $PORT device=lo"
    sockets_on_device 1
    upgrade
    sockets_on_device 2
}

@test "udp: a late answer may be a broadcast" {
    local second

    requires python3
    echo broadcast >variant
    start_server python3 "$PROGRAMS/datagram_options.py" "$PORT" "$PWD/socket" variant
    second=$(free_port)
    start python3 -c "
import socket
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.bind(('0.0.0.0', $second))
client.sendto(b'$second', ('127.0.0.1', $PORT))
print('asked', flush=True)
print('answer from', client.recvfrom(100)[1][1], flush=True)"
    wait_for_log asked "$OUT"
    wait_until has_children_of_first
    PID=${STARTED[0]}
    upgrade
    touch go
    wait_for_log 'answer from' "$OUT"
    has_log "answer from $PORT\$" "$OUT"
    has_no_log 'late answer'
}

has_children_of_first() {
    [[ -n $(children "$(first_pid 1)") ]]
}

# ---- unix sockets ----

# unix_upgrades NAME: upgrades of a server on the path or @name that $1 is for it
unix_upgrades() {
    local i

    set_version v1
    start_server "$TESTS/epoll-edge" --unix "$1" --version-file "$PWD/version"
    rm -f load-ready
    mkfifo load-ready
    "$TESTS/load" --path "$2" --clients 8 --kept 4 --kept-life 1 --duration 60 --json --ready-fd 9 \
        >load.json 2>load.log 3>&- 9>load-ready &
    LOAD_PID=$!
    IFS= read -rt "$PATIENCE" <load-ready
    for i in 2 3 4; do
        upgrade "v$i"
    done
    stop_load # its kept connections may have had the last answer, from a generation that drains
    "$TESTS/load" --path "$2" --clients 1 --duration 0.3 --json >load.json
    equal "$(load_value last_version)" v4 "version"
}

@test "unix: a path, which goes when the service ends" {
    unix_upgrades "$PWD/socket" "$PWD/socket"
    kill -TERM "$PID"
    wait_end
    [[ ! -e socket ]] || fail "the path is left, which the server would have removed"
}

@test "unix: the path survives the end of an old generation" {
    unix_upgrades "$PWD/socket" "$PWD/socket"
    wait_generation_gone 3
    [[ -S socket ]] || fail "the old generation removed the path"
}

@test "unix: a relative path" {
    unix_upgrades socket "$PWD/socket"
}

@test "unix: a path through a symbolic link to its directory" {
    mkdir real
    ln -s real link
    unix_upgrades "$PWD/link/socket" "$PWD/real/socket"
}

@test "unix: a path that is given before chroot" {
    requires root
    mkdir jail
    set_version v1
    start_server "$TESTS/poll" --unix "$PWD/socket" --version-file "$PWD/version" --chroot "$PWD/jail"
    upgrade v2
    "$TESTS/load" --path "$PWD/socket" --clients 1 --duration 1 --json >load.json
    equal "$(load_value last_version)" v2 "version"
}

# start_on_overlay OPTION...: where stat(2) shows another device than the kernel's list of sockets
# has. The mounts are the service's own: inside() is how we get there.
# shellcheck disable=SC2016 # for the shell in there
start_on_overlay() {
    local mount='mount -t tmpfs none "$0/upper" && mkdir "$0/upper/data" "$0/upper/work" &&
        mount -t overlay none -o "lowerdir=$0/lower,upperdir=$0/upper/data,workdir=$0/upper/work,xino=off" "$0/all"'

    requires root unshare nsenter
    mkdir lower upper all
    unshare --mount sh -c "$mount" "$PWD" 2>no || skip "no overlayfs here: $(<no)"
    set_version v1
    start unshare --mount sh -c "$mount"' && cd "$0/all" && export LD_PRELOAD="$1" && shift &&
        exec "$@"' "$PWD" "$LIBRARY" "$@" --version-file "$PWD/version"
    wait_ready 1
}

inside() {
    # shellcheck disable=SC2016
    nsenter --mount="/proc/$PID/ns/mnt" sh -c 'cd "$0" && exec "$@"' "$PWD/all" "$@"
}

# stays PATH: over two upgrades, and the end of an old generation
stays() {
    local inode
    inode=$(inside stat -c %i "$1")
    upgrade v2
    upgrade v3
    wait_generation_gone 2
    equal "$(inside stat -c %i "$1")" "$inode" "inode of the path"
    inside "$TESTS/load" --path "$1" --clients 1 --duration 1 --json >load.json
    equal "$(load_value last_version)" v3 "version"
}

@test "unix: a path on an overlay file system" {
    start_on_overlay "$TESTS/poll" --unix "$PWD/all/socket"
    stays "$PWD/all/socket"
}

@test "unix: a relative path on an overlay file system" {
    start_on_overlay "$TESTS/poll" --unix socket
    stays socket
}

@test "unix: a path that has been replaced by a file is not touched" {
    set_version v1
    start_server "$TESTS/poll" --unix "$PWD/socket" --version-file "$PWD/version"
    rm socket
    echo precious >socket
    chmod 400 socket
    mkdir keep && mv socket keep/ && ln keep/socket socket
    # the program's own unlink() removes a name, as it would without us; the other name stays
    kill -HUP "$PID"
    wait_ready 2
    equal "$(cat keep/socket)" precious "the file"
    [[ -S socket ]] || fail "the new generation did not bind"
}

@test "unix: the new generation may change the path's mode" {
    set_version v1
    start_server "$TESTS/poll" --unix "$PWD/socket" --version-file "$PWD/version"
    chmod 700 socket
    upgrade v2
    chmod 777 socket
    equal "$(stat -c %a socket)" 777
}

# The name is in the abstract namespace, which bash cannot connect to: /proc says who listens.
@test "unix: an abstract name stays the same socket" {
    local name=tfpreload-test-$TFP_TEST_ID inode
    set_version v1
    start_server "$TESTS/epoll-level" --unix "@$name" --version-file "$PWD/version"
    inode=$(awk -v name="@$name" '$8 == name && $4 == "00010000" { print $7 }' /proc/net/unix)
    upgrade v2
    equal "$(awk -v name="@$name" '$8 == name && $4 == "00010000" { print $7 }' /proc/net/unix)" \
        "$inode" "inode of the listener"
}

# ---- listeners side by side ----

# listen_on LINE...: what the next generation of listeners.py listens on
listen_on() {
    printf '%s\n' "$@" >listeners
}

start_listeners() {
    requires python3
    set_version v1
    listen_on "$@"
    start_server python3 "$PROGRAMS/listeners.py" version listeners
}

# listeners_of N: "LINE: inode …" of the N-th generation that bound
listeners_of() {
    awk -v n="$1" '/^generation / { seen++; next } seen == n' "$OUT"
}

# answers LINE VERSION: one question to that listener
answers() {
    local answer

    answer=$(python3 "$PROGRAMS/ask.py" "$1") || fail "$1: no answer" || return 1
    [[ $answer == "$2 "*" token" ]] || fail "$1: '$answer', expected $2"
}

# each_is_inherited LINE...: by its like, through two upgrades, and serves
each_is_inherited() {
    local line i

    start_listeners "$@"
    for i in 2 3; do
        upgrade "v$i"
        diff <(listeners_of 1) <(listeners_of "$i") || fail "not the listeners of generation 1"
        for line in "$@"; do
            answers "$line" "v$i"
        done
    done
    has_log "started, pid [0-9]+, with $# inherited listener"
    equal "$(listeners_of 1 | grep -o 'inode [0-9]*' | sort -u | wc -l)" "$#" "different sockets"
}

@test "unix: seqpacket" {
    each_is_inherited "seqpacket $PWD/socket unlink"
}

@test "unix: stream, seqpacket and datagram sockets are not taken for one another" {
    each_is_inherited "unix $PWD/1 unlink" "seqpacket $PWD/2 unlink" "datagram $PWD/3 unlink"
    # each on the path of another: nothing can be inherited, and nothing may be
    listen_on "seqpacket $PWD/1 unlink" "datagram $PWD/2 unlink" "unix $PWD/3 unlink"
    upgrade_fails 'exited with status 1'
    answers "unix $PWD/1" v3
    answers "seqpacket $PWD/2" v3
    answers "datagram $PWD/3" v3
}

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
    local i line
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

# ---- unix paths ----

@test "unix: the new generation may change mode and owner of its path" {
    requires root
    start_listeners "unix $PWD/socket unlink mode=600"
    equal "$(stat -c %a,%u socket)" 600,0
    listen_on "unix $PWD/socket unlink mode=666 uid=65534"
    upgrade v2
    equal "$(stat -c %a,%u socket)" 666,65534
    wait_generation_gone 1
    equal "$(stat -c %a,%u socket)" 666,65534
    answers "unix $PWD/socket" v2
}

@test "unix: a path that its server leaves behind stays when the service ends" {
    start_listeners "unix $PWD/socket unlink keep"
    upgrade v2
    upgrade v3
    wait_generation_gone 2
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0 "status of the server"
    [[ -S socket ]] || fail "the path is gone, which the server would have left"
}

@test "unix: a path that its server removes goes when the service ends after upgrades" {
    start_listeners "unix $PWD/socket unlink"
    upgrade v2
    wait_generation_gone 1
    [[ -S socket ]] || fail "the old generation removed the path"
    upgrade v3
    wait_generation_gone 2
    kill -TERM "$PID"
    wait_end
    [[ ! -e socket ]] || fail "the path is left, which the server would have removed"
}

@test "unix: a path that another service has taken meanwhile is not inherited, nor unlinked for us" {
    local other
    start_listeners "unix $PWD/socket keep"
    rm socket
    # a stranger, who is in no session
    echo other >other
    echo "unix $PWD/socket" >others
    start python3 "$PROGRAMS/listeners.py" other others
    other=$PID
    PID=${STARTED[0]}
    wait_until answers "unix $PWD/socket" other
    upgrade_fails 'exited with status 1' # the address is in use, as it would be without us
    answers "unix $PWD/socket" other
    # a version that listens elsewhere: its predecessor's end leaves the stranger's socket alone
    listen_on "unix $PWD/elsewhere unlink"
    upgrade v2
    wait_generation_gone 1
    answers "unix $PWD/socket" other
    answers "unix $PWD/elsewhere" v2
    kill -TERM "$other"
    wait_gone "$other"
}

# ---- port 0 ----

@test "port 0: the k-th bind gets the k-th port back, and two stay two" {
    start_server "$TESTS/poll" --listen 127.0.0.1:0 --listen 127.0.0.1:0 --print-port
    equal "$(sort -u "$OUT" | grep -c port)" 2 "different ports"
    cp "$OUT" before
    : >"$OUT"
    upgrade
    wait_until grep -q . "$OUT"
    diff before "$OUT"
    upgrade
    equal "$(tail -n 2 "$OUT")" "$(cat before)" "ports of the third generation"
}

@test "port 0: a client that binds and connects is not given the listener" {
    serve fork
    local server=$PORT port
    PID=
    : >"$LOG"
    start_server "$TESTS/binder" connect "$server"
    wait_for_log "^port" "$OUT"
    port=$(sed -n 's/^port //p' "$OUT")
    : >"$OUT"
    upgrade
    wait_for_log "^port" "$OUT"
    has_log "^client connected" "$OUT"
    equal "$(sed -n 's/^port //p' "$OUT")" "$port" "port of the listener"
}

@test "sockets that their program moves to other numbers before it binds the next one" {
    requires python3
    local other
    other=$(free_port)
    cat >server.py <<'END'
import fcntl, select, socket, sys


def moved(kind, port):
    first = socket.socket(type=kind)
    first.bind(("127.0.0.1", port))
    second = fcntl.fcntl(first, fcntl.F_DUPFD, 50)
    first.close()
    return socket.socket(fileno=second)


sockets = [moved(socket.SOCK_DGRAM, int(port)) for port in sys.argv[1:]]
sockets += [moved(socket.SOCK_STREAM, 0) for _ in range(3)]
for each in sockets[-3:]:
    each.listen()
print(*(each.getsockname()[1] for each in sockets), flush=True)
select.select(sockets, [], [])
END
    start_server python3 server.py "$PORT" "$other"
    upgrade
    upgrade
    equal "$(count_log 'started, pid [0-9]+, with 5 inherited listeners$')" 2 "upgrades with all"
    equal "$(sort "$OUT" | uniq -c | wc -l)" 1 "different sets of ports"
}

# ---- clients that are bound before they connect ----

# binder_beside MODE PORT TARGET: its first generation has come; what it printed is in `first`
binder_beside() {
    : >"$LOG"
    PID=
    start_server "$TESTS/binder" "$@"
    wait_for_log '^port' "$OUT"
    cp "$OUT" first
    : >"$OUT"
}

# binder_upgrade: what the next generation printed is in OUT
binder_upgrade() {
    : >"$OUT"
    upgrade
    wait_for_log '^port' "$OUT"
}

@test "a client that is bound to the service's port gets that port, and not the listener" {
    local target=$PORT port
    serve fork
    port=$(free_port)
    binder_beside client "$port" "$target"
    equal "$(cat first)" "client from $port"$'\n'"port $port"
    for _ in 2 3; do
        binder_upgrade
        diff first "$OUT"
    done
    has_log 'generation 3: started, pid [0-9]+, with 1 inherited listener$'
    equal "$(cat <"/dev/tcp/127.0.0.1/$port")" "$(first_pid 3)" "who answers"
}

@test "a client whose port is still connected in the old generation connects from another" {
    local target=$PORT port mode
    serve fork
    for mode in kept shared; do
        port=$(free_port)
        binder_beside "$mode" "$port" "$target"
        binder_upgrade
        has_log '^client from [0-9]+$' "$OUT"
        refute grep -x "client from $port" "$OUT"
        has_log "^port $port\$" "$OUT"
        equal "$(cat <"/dev/tcp/127.0.0.1/$port")" "$(first_pid 2)" "who answers"
        kill -TERM "$PID"
        wait_end
    done
}

# udp_client PORT: in both generations the client is one, and the service the same
udp_client() {
    local target=$PORT port
    set_version v1
    start_server "$TESTS/udp-server" -4 "$target" "$PWD/version"
    binder_beside udp "$1" "$target"
    port=$(sed -n 's/^port //p' first)
    binder_upgrade
    has_log "^port $port\$" "$OUT"
    has_log 'generation 2: started, pid [0-9]+, with 1 inherited listener$'
    exec {KEPT}<>"/dev/udp/127.0.0.1/$port"
    KEPT_ALL+=("$KEPT")
    echo question >&"$KEPT"
    equal "$(timeout "$PATIENCE" dd bs=100 count=1 status=none <&"$KEPT")" "$(first_pid 2)" \
        "who answers"
}

@test "udp: a client that is bound to port 0 is not given the service" {
    udp_client 0
    refute diff first "$OUT" # another port for each client
}

@test "udp: a client that is bound to the service's port gets that port, and not the service" {
    udp_client "$(free_port)"
    diff first "$OUT"
}

@test "a listener that is closed and bound again in the same generation" {
    start_server "$TESTS/binder" reopen "$PORT"
    upgrade
    upgrade
    equal "$(count_log "^port $PORT" "$OUT")" 3 "generations that listened"
}

@test "an address that a new version only tries is left to the old one, with its queue" {
    requires python3
    local tried answer
    tried=$(free_port)
    cat >server.py <<'END'
import os, select, socket, sys
version, ports = open("version").read().strip(), [int(port) for port in sys.argv[1:]]


def bound(port):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    return one


if version == "v2":
    bound(ports.pop()).close()
listeners = [bound(port) for port in ports]
for each in listeners:
    each.listen(16)
while True:
    served = listeners if os.path.exists("go") else listeners[:1]
    for each in select.select(served, [], [], 0.02)[0]:
        with each.accept()[0] as client:
            client.sendall(f"{version}\n".encode())
END
    set_version v1
    start_server python3 server.py "$PORT" "$tried"
    keep "$tried"
    set_version v2
    kill -HUP "$PID"
    wait_ready 2
    wait_for_log "generation 2: does not listen on 127.0.0.1:$tried any more"
    touch go
    IFS= read -rt "$PATIENCE" -u "$KEPT" answer || fail "who waited in the queue got no answer"
    equal "$answer" v1
    wait_retired 1
}

# ---- SO_REUSEPORT ----

@test "reuseport: two sockets on one port are inherited one by one" {
    set_version v1
    start_server "$TESTS/epoll-level" --reuseport --listen "127.0.0.1:$PORT" \
        --listen "127.0.0.1:$PORT" --version-file "$PWD/version"
    local before
    before=$(ss -Hltne "sport = :$PORT" | grep -o 'ino:[0-9]*' | sort)
    equal "$(wc -l <<<"$before")" 2 "listeners"
    start_load "$PORT" --clients 8
    upgrade v2
    upgrade v3
    stop_load
    equal "$(ss -Hltne "sport = :$PORT" | grep -o 'ino:[0-9]*' | sort)" "$before" "inodes"
}

@test "reuseport: a generation with fewer sockets loses nothing that is queued" {
    set_version v1
    set_options --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT"
    # a worker a socket, busy with one client at a time, for long enough to have a queue of seconds
    start_server "$TESTS/prefork" --reuseport --workers 3 --service-time 100 \
        --version-file "$PWD/version" --options-file "$PWD/options"
    start_load "$PORT" --clients 60 --timeout 20
    wait_until queue_is_longer_than 40
    set_options --listen "127.0.0.1:$PORT"
    upgrade v2
    has_log 'generation 1: retired after [1-9][0-9.]* s' # not before its queues were empty
    stop_load
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 1 "listeners"
}

queue_is_longer_than() {
    (($(ss -Hltn "sport = :$PORT" | awk '{ sum += $2 } END { print sum }') > $1))
}

# has_datagram_sockets COUNT: at PORT
has_datagram_sockets() {
    equal "$(ss -Hlun "sport = :$PORT" | wc -l)" "$1" "datagram sockets"
}

@test "reuseport: the same with datagrams" {
    requires python3
    cat >server.py <<'END'
import ctypes, os, signal, socket, sys, time
workers = int(open("workers").read())
for i in range(workers - 1):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        break
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    question, client = server.recvfrom(100)
    time.sleep(0.05)
    server.sendto(question, client)
END
    cat >clients.py <<'END'
import select, socket, sys
clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(240)]
for client in clients:
    client.connect(("127.0.0.1", int(sys.argv[1])))
    client.send(b"question")
print("asked", flush=True)
while clients and (answered := select.select(clients, [], [], 20)[0]):
    for client in answered:
        client.recv(100)
        clients.remove(client)
print(len(clients), "without an answer")
END
    echo 3 >workers
    start_server python3 server.py "$PORT"
    wait_until has_datagram_sockets 3
    start python3 clients.py "$PORT"
    STARTED+=("$PID")
    wait_for_log asked "$OUT"
    echo 1 >workers
    kill -HUP "${STARTED[0]}"
    wait_retired 1
    wait_for_log '^0 without an answer' "$OUT"
}

@test "reuseport: a generation with more sockets binds the rest afresh" {
    set_version v1
    set_options --listen "127.0.0.1:$PORT"
    start_server "$TESTS/epoll-level" --reuseport --version-file "$PWD/version" \
        --options-file "$PWD/options"
    start_load "$PORT" --clients 8
    set_options --listen "127.0.0.1:$PORT" --listen "127.0.0.1:$PORT"
    upgrade v2
    stop_load
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 2 "listeners"
}

# set_serves ANSWERS KIND HOST: who in the set answers, of many clients
set_serves() {
    equal "$(python3 "$PROGRAMS/reuseport_set.py" ask "$2" "$3" "$PORT" 60)" "$1" "who answers"
}

# start_set MEMBERS KIND HOST
start_set() {
    echo "$1" >members
    touch go
    start_server python3 "$PROGRAMS/reuseport_set.py" serve "$2" "$3" "$PORT"
}

# begin_to_start_set MEMBERS: an upgrade whose new generation has bound that many and does no more
begin_to_start_set() {
    echo "$1" >members
    rm go
    kill -HUP "$PID"
    wait_for_log "^bound $1\$" "$OUT"
}

# set_grows KIND HOST: an upgrade that fails, then one that does not
set_grows() {
    requires python3
    start_set 2 "$@"
    begin_to_start_set 6
    set_serves "0/2 1/2" "$@"
    echo fail >go
    wait_for_log 'generation 2: upgrade failed'
    set_serves "0/2 1/2" "$@"
    begin_to_start_set 5
    set_serves "0/2 1/2" "$@"
    touch go
    wait_retired 1
    wait_until set_serves "0/5 1/5 2/5 3/5 4/5" "$@"
}

@test "reuseport: a TCP socket that is added gets no client before its generation is ready" {
    set_grows tcp 127.0.0.1
}

@test "reuseport: the same over IPv6" {
    set_grows tcp ::1
}

@test "reuseport: the same with UDP" {
    set_grows udp 127.0.0.1
}

@test "reuseport: the same with UDP over IPv6" {
    set_grows udp ::1
}

@test "reuseport: a program of the server's own that distributes clients stays" {
    requires python3
    echo 1 >steer
    start_set 2 tcp 127.0.0.1
    set_serves 1/2 tcp 127.0.0.1
    rm steer
    begin_to_start_set 4
    set_serves 1/2 tcp 127.0.0.1
    touch go
    wait_retired 1
    set_serves 1/4 tcp 127.0.0.1
}

# shrink_set MEMBERS: an upgrade
shrink_set() {
    echo "$1" >members
    kill -HUP "${STARTED[0]}"
    wait_retired 1
}

@test "reuseport: a set of TCP sockets that shrinks keeps no client waiting" {
    requires python3
    # a queue that is never found empty counts after half of it
    TFPRELOAD_EXIT_TIMEOUT=10 start_set 4 tcp 127.0.0.1
    start python3 "$PROGRAMS/reuseport_set.py" load tcp 127.0.0.1 "$PORT"
    wait_for_log asking "$OUT"
    shrink_set 1
    touch enough
    wait_gone "$PID"
    has_log '^0 had to send again' "$OUT"
    equal "$(ss -Hltn "sport = :$PORT" | wc -l)" 1 "listeners"
}

@test "reuseport: a set of UDP sockets that shrinks loses no datagram" {
    requires python3
    start_set 4 udp 127.0.0.1
    start "$TESTS/udp-load" 127.0.0.1 "$PORT" 16 60
    wait_until grep -q . "$LOG"
    shrink_set 1
    wait_generation_gone 1 # not before the time of an answer that is lost is up
    kill -INT "$PID"
    wait_gone "$PID"
    has_log 'lost 0 wrong' "$OUT"
}

@test "reuseport: a set shrinks, and grows again while it does" {
    requires python3
    # a queue that is never found empty counts after half of it
    TFPRELOAD_EXIT_TIMEOUT=10 start_set 4 tcp 127.0.0.1
    start python3 "$PROGRAMS/reuseport_set.py" load tcp 127.0.0.1 "$PORT"
    wait_for_log asking "$OUT"
    echo 2 >members
    kill -HUP "${STARTED[0]}"
    wait_ready 2
    echo 5 >members
    kill -HUP "${STARTED[0]}"
    wait_ready 3
    wait_retired 1
    wait_retired 2
    touch enough
    wait_gone "$PID"
    has_log 'had to send again' "$OUT" # all have been answered
    wait_until set_serves "0/5 1/5 2/5 3/5 4/5" tcp 127.0.0.1
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

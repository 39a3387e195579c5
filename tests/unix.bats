#!/usr/bin/env bats
#
# Unix sockets: paths, abstract names, and when a path goes.
# shellcheck disable=SC2034 # variables of the helpers

load helpers
load listeners

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

# bats test_tags=fast
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

# ---- a path that a socket gets after bind() ----

# start_beside WAY [OPTION]...: of tests/programs/beside.py
start_beside() {
    requires python3
    set_version v1
    echo "$*" >how
    start_server python3 "$PROGRAMS/beside.py" how "$PWD/socket" --version-file version
}

only_the_path_is_there() {
    equal "$(echo socket*)" socket "names of the socket"
}

# is_found_by_path WAY: over two upgrades, by a kept queue, and after one that has failed
is_found_by_path() {
    start_beside "$1"
    answers "unix $PWD/socket" v1
    upgrade v2
    only_the_path_is_there
    upgrade v3
    answers "unix $PWD/socket" v3
    wait_generation_gone 2
    echo "$1 fail" >how
    set_version v4
    upgrade_fails 'exited with status 3'
    only_the_path_is_there
    answers "unix $PWD/socket" v3
    echo "$1" >how
    upgrade v5
    answers "unix $PWD/socket" v5
    equal "$(grep -c inode "$OUT") $(cut -d' ' -f3 "$OUT" | sort -u | wc -l)" "5 1" "generations, sockets"
    has_no_log 'does not listen on'
}

# bats test_tags=fast
@test "unix: a socket that is bound beside and renamed, with a spare name for the old one" {
    is_found_by_path rename_and_drop_spare
}

@test "unix: a socket that listens before it is renamed" {
    is_found_by_path listen_and_rename
}

@test "unix: a socket that is linked to its path" {
    is_found_by_path link_into_place
}

@test "unix: a socket that is exchanged with the old one" {
    is_found_by_path exchange
}

@test "unix: an old path that is moved away before bind" {
    is_found_by_path move_away
}

@test "unix: an old path that is moved away and back" {
    start_beside move_away_and_back
    set_version v2
    upgrade_fails 'exited with status 4'
    only_the_path_is_there
    answers "unix $PWD/socket" v1
}

@test "unix: a socket that is renamed has the mode that the new generation has given it" {
    start_beside rename_and_drop_spare mode=600
    equal "$(stat -c %a socket)" 600 "mode"
    echo "rename_and_drop_spare mode=666" >how
    upgrade v2
    equal "$(stat -c %a socket)" 666 "mode"
}

@test "unix: a path that a socket was renamed to is what status and the log call it" {
    start_beside rename_and_drop_spare
    "$HELPER" status "$PID" >shown
    has_log " $PWD/socket( |$)" shown
    has_no_log '\.tmp' shown
    echo "rename_and_drop_spare elsewhere" >how
    upgrade v2
    has_log "generation 2: does not listen on unix:$PWD/socket any more"
}

@test "unix: a renamed path on an overlay file system" {
    requires python3
    echo rename_and_drop_spare >how
    start_on_overlay python3 "$PROGRAMS/beside.py" "$PWD/how" "$PWD/all/socket"
    stays "$PWD/all/socket"
    equal "$(inside sh -c 'echo socket*')" socket "names of the socket"
}

#!/usr/bin/env bats
#
# As pid 1 of a container: namespaces, a read-only root, and what Docker or Podman leave to root in
# one. No container engine is needed; what one would run is taken from the files in scripts/container.

load helpers

readonly EXAMPLES=$ROOT/scripts/container

setup() {
    prepare
    requires root unshare nsenter
    unshare --pid --fork --mount true 2>reason || skip "no namespaces here: $(<reason)"
    ENGINE=("$TESTS/confined")
}

by_podman() {
    [[ -e /usr/share/containers/seccomp.json ]] || requires "Podman's profile"
    /usr/bin/python3 -c 'import seccomp' 2>/dev/null || requires "python3-seccomp"
    ENGINE=(/usr/bin/python3 "$PROGRAMS/podman.py")
}

# start_container COMMAND...: as pid 1. PID is that of `unshare`, which ends as pid 1 does; INIT
# is pid 1 as seen from here.
start_container() {
    # shellcheck disable=SC2016 # for the other shell
    start setpriv --pdeathsig KILL unshare --pid --fork --kill-child=KILL --mount-proc \
        sh -c 'mount -o remount,bind,ro / && exec "$@"' sh "${ENGINE[@]}" "$@"
    wait_ready 1
    INIT=$(children "$PID" | tr -d ' ')
}

# serve_in_container NAME [OPTION]...: one of tests/servers
serve_in_container() {
    local name=$1

    shift
    set_version v1
    start_container "$HELPER" -- "$TESTS/$name" --port "$PORT" --version-file "$PWD/version" "$@"
}

# end_container: it ends by SIGTERM or by the test's command; its status is STATUS
end_container() {
    wait_end "$PID"
    wait_gone "$INIT"
}

teardown() {
    # --kill-child does not reach who has changed its uid: prctl(2) PR_SET_PDEATHSIG
    [[ -z ${INIT:-} ]] || kill -KILL "$INIT" 2>/dev/null || true
    clean_up
}

# inside COMMAND...: as `kubectl exec` and `docker exec` do
inside() {
    nsenter --target "$INIT" --pid --mount -- "${ENGINE[@]}" "$@"
}

upgrades_lose_nothing() {
    start_load "$PORT" --clients 8 --kept 4 --kept-life 1
    set_version v2
    upgrade_by inside kill -HUP 1
    set_version v3
    upgrade_by kill -HUP "$INIT" # as `docker kill --signal HUP` does
    stop_load
    serves_version "$PORT" v3
    ! is_gone "$INIT" || fail "pid 1 has ended"
}

@test "confined denies what it says, or nothing here is tested" {
    "$TESTS/confined" cat /proc/self/status >status
    grep '^CapEff:[[:space:]]*00000000a80425fb$' status # as in any container of Docker
    grep '^Seccomp:[[:space:]]*2$' status
    refute "$TESTS/confined" unshare --mount true
    refute "$TESTS/confined" unshare --user true # needs no capability
}

@test "pid 1: kill -HUP 1 upgrades, threads in accept" {
    serve_in_container thread
    upgrades_lose_nothing
}

# A thread's number may be that of a descriptor.
@test "pid 1: every thread of many in accept gives up the listener" {
    local i

    mkfifo words
    start_container "$HELPER" -- "$TESTS/threads" "$PORT" "$PWD/words" crowd
    keep "$PORT"
    ask_kept | cut -d" " -f2 >first
    kill -HUP "$INIT"
    wait_retired 1
    for ((i = 0; i < 10; i++)); do
        ask "$PORT" | cut -d" " -f2 >answer
        refute cmp first answer
    done
}

@test "pid 1: kill -HUP 1 upgrades, epoll" {
    serve_in_container epoll-level
    upgrades_lose_nothing
}

@test "pid 1: kill -HUP 1 upgrades, workers that have dropped root" {
    serve_in_container prefork --user 65534
    upgrades_lose_nothing
}

serve_as_nobody() {
    chmod o+x "$BATS_RUN_TMPDIR" .. .
    mkdir bin
    cp "$HELPER" "$LIBRARY" "$TESTS/thread" bin/
    set_version v1
    start_container setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
        bin/tfhelper -- bin/thread --port "$PORT" --version-file "$PWD/version"
}

@test "pid 1: kill -HUP 1 upgrades, nobody from the start" {
    serve_as_nobody
    upgrades_lose_nothing
}

# proc(5): who lacks CAP_SYS_PTRACE does not find the processes of other users, not even its children.
@test "pid 1: kill -HUP 1 upgrades, workers that have dropped root, with hidepid=2" {
    set_version v1
    # shellcheck disable=SC2016 # for the other shell
    start setpriv --pdeathsig KILL unshare --pid --fork --kill-child=KILL --mount-proc \
        sh -c 'mount -t proc -o hidepid=2 proc /proc && exec "$@"' sh "$TESTS/confined" \
        "$HELPER" -- "$TESTS/prefork" --port "$PORT" --version-file "$PWD/version" --user 65534
    wait_ready 1
    INIT=$(children "$PID" | tr -d ' ')
    upgrades_lose_nothing
}

@test "pid 1: LD_PRELOAD does as well" {
    set_version v1
    start_container env "LD_PRELOAD=$LIBRARY" \
        "$TESTS/select" --port "$PORT" --version-file "$PWD/version"
    upgrades_lose_nothing
}

@test "podman.py denies what it says, or nothing here is tested" {
    by_podman
    "${ENGINE[@]}" cat /proc/self/status >status
    grep '^CapEff:[[:space:]]*00000000800405fb$' status # as in any container of Podman
    grep '^Seccomp:[[:space:]]*2$' status
    refute "${ENGINE[@]}" unshare --mount true
    refute "${ENGINE[@]}" setarch --addr-no-randomize true # needs no capability
}

@test "pid 1 in Podman: kill -HUP 1 upgrades, threads in accept" {
    by_podman
    serve_in_container thread
    upgrades_lose_nothing
}

@test "pid 1 in Podman: kill -HUP 1 upgrades, workers that have dropped root" {
    by_podman
    serve_in_container prefork --user 65534
    upgrades_lose_nothing
}

@test "pid 1 in Podman: kill -HUP 1 upgrades, nobody from the start" {
    by_podman
    serve_as_nobody
    upgrades_lose_nothing
}

# ---- what no library reaches: Docker's profile leaves ptrace(2) to a container, and not pidfd_getfd(2) ----

# static_server NAME: ./NAME, which is statically linked
static_server() {
    cc -static -D_GNU_SOURCE -std=c11 -I"$ROOT/tests/servers" -o "$1" "$ROOT/tests/servers/$1.c" \
        "$ROOT"/tests/servers/common*.c -pthread 2>cc.log || skip "no static programs can be built here"
    set_version v1
}

@test "pid 1: a static server, epoll, is upgraded: it has to send its descriptors" {
    requires cc
    static_server epoll-level
    start_container "$HELPER" -- ./epoll-level --port "$PORT" --version-file "$PWD/version"
    has_log 'epoll-level is statically linked, so nothing is preloaded'
    upgrades_lose_nothing
}

@test "pid 1: a static server, threads in accept, is upgraded" {
    requires cc
    static_server thread
    start_container "$HELPER" -- ./thread --port "$PORT" --version-file "$PWD/version"
    upgrades_lose_nothing
}

@test "pid 1: a static server with workers, nobody from the start, is upgraded" {
    requires cc setpriv
    static_server prefork
    chmod o+x "$BATS_RUN_TMPDIR" .. .
    cp "$HELPER" tfhelper
    start_container setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
        ./tfhelper -- ./prefork --port "$PORT" --version-file "$PWD/version"
    upgrades_lose_nothing
}

@test "pid 1: a static server that is rolled back has its listener again" {
    requires cc
    static_server epoll-level
    start_container "$HELPER" -- ./epoll-level --port "$PORT" --version-file "$PWD/version"
    keep "$PORT"
    [[ $(ask_kept) == "v1 "* ]]
    set_version v2
    upgrade_by kill -HUP "$INIT"
    kill_generation 2
    wait_for_log '^tfpreload: generation 1: serves again after'
    serves_version "$PORT" v1
}

# kill_generation N: its process, by the pid that it has there
kill_generation() {
    inside kill -KILL "$(first_pid "$1")"
}

@test "pid 1 reaps what others leave behind" {
    serve_in_container poll
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        inside sh -c 'true & sh -c "true & exec true" & exit 0'
    done
    inside sh -c 'sleep 1000 & exit 0' >/dev/null 2>&1 3>&-
    wait_until has_no_zombies
    upgrade_by inside kill -HUP 1
    wait_generation_gone 1
    kill -TERM "$INIT"
    end_container # and the sleep with it
    wait_until none_marked
}

has_no_zombies() {
    local pid

    for pid in $(children "$INIT"); do
        ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" || return 1
    done
}

@test "pid 1 passes signals on" {
    start_container "$HELPER" -- "$TESTS/odd" --port "$PORT" --tell-signals
    inside kill -USR1 1
    wait_for_log '^signal 10 ' "$OUT"
    kill -USR2 "$INIT"
    wait_for_log '^signal 12 ' "$OUT"
}

@test "pid 1 ends with the server's status" {
    serve_in_container epoll-level --term-status 7
    kill -TERM "$INIT"
    end_container
    equal "$STATUS" 7 "status"
}

@test "pid 1 ends as a server does that a signal has ended" {
    start_container "$HELPER" -- "$TESTS/odd" --port "$PORT"
    # no signal ends pid 1 by default; when it ends, so does who has sent it
    inside kill -TERM 1 || true
    end_container
    equal "$STATUS" 143 "status"
}

# ---- the examples ----

# yaml EXPRESSION: of the pod manifest's first container `c`, a word a line
yaml() {
    /usr/bin/python3 - "$EXAMPLES/pod.yaml" "$1" <<'END'
import sys, yaml
pod = yaml.safe_load(open(sys.argv[1]))
c = pod["spec"]["containers"][0]
print("\n".join(str(word) for word in eval(sys.argv[2])))
END
}

# install_image: what the Dockerfile copies, below this directory; ENTRYPOINT is an array then
install_image() {
    local line from to

    while read -r _ _ from to; do
        mkdir -p ".${to%/*}"
        cp "$BUILD/${from#/src/build/}" ".$to"
    done < <(grep '^COPY --from=build' "$EXAMPLES/Dockerfile")
    cp "$TESTS/thread" usr/local/bin/legacy-server
    line=$(sed -n 's/^ENTRYPOINT //p' "$EXAMPLES/Dockerfile")
    mapfile -t ENTRYPOINT < <(/usr/bin/python3 -c 'import json, sys
print("\n".join(json.loads(sys.argv[1])))' "$line")
    PATH=$PWD/usr/local/bin:$PATH
    set_version v1
}

@test "the example image and pod: probes, an upgrade, and a preStop that finishes connections" {
    local command

    install_image
    start_container "${ENTRYPOINT[@]}" legacy-server --port "$PORT" --version-file "$PWD/version"
    mapfile -t command < <(yaml 'c["startupProbe"]["exec"]["command"]')
    inside "${command[@]}"
    mapfile -t command < <(yaml 'c["livenessProbe"]["exec"]["command"]')
    inside "${command[@]}"
    upgrades_lose_nothing
    keep "$PORT"
    ask_kept >/dev/null
    mapfile -t command < <(yaml 'c["lifecycle"]["preStop"]["exec"]["command"]')
    (
        close_kept
        inside "${command[@]/sleep 5; /}"
    ) >log-stop 2>&1 3>&- &
    wait_for_log 'finishes its connections'
    ask_kept >/dev/null
    close_kept
    end_container
    equal "$STATUS" 0 "status"
}

@test "the example pod leaves more time than an end can take" {
    local grace timeout

    grace=$(yaml '[pod["spec"]["terminationGracePeriodSeconds"]]')
    timeout=$(yaml '[e["value"] for e in c["env"] if e["name"] == "TFPRELOAD_EXIT_TIMEOUT"]')
    # 5 s before it begins, and 5 s from the stop signal to SIGKILL
    ((grace >= timeout + 10)) || fail "$grace s of grace, $timeout s of exit timeout"
}

# ---- user namespaces ----

# before a command: as root of a user namespace that has no number for the host's root
IN_USER_NAMESPACE=(setpriv --reuid 65533 --regid 65533 --clear-groups unshare --user --map-root-user)

has_user_namespaces() {
    requires root setpriv unshare nsenter
    "${IN_USER_NAMESPACE[@]}" true 2>reason || skip "no user namespaces here: $(<reason)"
    chmod 777 .
}

@test "a server in a user namespace below a helper outside: upgrades" {
    has_user_namespaces
    start_server "$HELPER" -- "${IN_USER_NAMESPACE[@]}" "$TESTS/poll" --port "$PORT" --version v1
    start_load "$PORT" --clients 4
    upgrade
    wait_generation_gone 1
    stop_load
    "$HELPER" status "$(first_pid 2)" >shown
}

@test "a service in a user namespace, and root outside: SIGHUP upgrades, commands say how" {
    has_user_namespaces
    start "${IN_USER_NAMESPACE[@]}" "$HELPER" -- "$TESTS/poll" --port "$PORT" --version v1
    wait_ready 1
    upgrade # by SIGHUP
    for command in status upgrade "wait --for ready" stop; do
        # shellcheck disable=SC2086 # words
        run -3 "$HELPER" $command "$PID"
        [[ $output == *"is in another user namespace, where you are nobody: ask by nsenter --user --target $PID,"* ]] ||
            fail "$command: $output"
    done
    nsenter --user --target "$PID" "$HELPER" upgrade "$PID"
    equal "$(ask "$PORT")" "v1 $(first_pid 3) token"
    # one whose root is root
    unshare --user --map-root-user "$HELPER" -- "$TESTS/poll" --port "$(free_port)" \
        >>"$OUT" 2>>other </dev/null 3>&- &
    STARTED+=("$!")
    "$HELPER" wait "$!"
    "$HELPER" upgrade "$!"
    kill -TERM "$!"
}

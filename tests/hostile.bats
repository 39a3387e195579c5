#!/usr/bin/env bats
#
# Programs that are watched from outside (trace.bats), and mean the helper harm: the attacker is a
# worker that has dropped root and been taken over, below a helper of root that looks into it.
# tests/programs/hostile.c says what each of them does.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

setup() {
    prepare
    requires root
    chmod 755 .
    export TFPRELOAD_WAY=trace TFPRELOAD_LOG=debug
}

# serve_hostile WHAT: returns when its worker has begun
serve_hostile() {
    set_version v1
    start "$HELPER" -- "$TESTS/hostile" "$PORT" "$PWD/version" "$1"
    wait_ready 1
    wait_until grep -Eq '^(does|none)$' "$OUT"
    ! grep -q '^none$' "$OUT" || skip "not on this machine"
    touch calm # the next generation is what the operator wants
}

# hears: the helper answers a command, and its end is the service's
hears() {
    timeout 10 "$HELPER" status "$PID" >shown || fail "the helper does not answer"
}

ends() {
    kill -TERM "$PID"
    wait_end
}

@test "hostile: calls without an end do not keep the helper from everything else" {
    serve_hostile calls
    hears
    upgrade v2
    serves_version "$PORT" v2
    ends
}

@test "hostile: processes that end in the middle of their calls leave nothing behind" {
    local before

    serve_hostile dying
    hears
    wait_for_log '^done$' "$OUT"
    before=$(steady_descriptors "$PID" | wc -l)
    upgrade v2
    serves_version "$PORT" v2
    wait_until equal "$(steady_descriptors "$PID" | wc -l)" "$before" "descriptors"
}

@test "hostile: what is too long, or not there, fails as the kernel has it" {
    serve_hostile lengths
    wait_for_log '^(same|other)$' "$OUT"
    has_log '^same$' "$OUT"
    upgrade v2
}

@test "hostile: a path in a page that never comes does not hold the helper up" {
    serve_hostile page
    hears
    upgrade v2
    serves_version "$PORT" v2
    ends
}

@test "hostile: sockets that take their time to close do not hold the helper up" {
    serve_hostile linger
    hears
    wait_for_log '^done$' "$OUT"
    upgrade v2
    serves_version "$PORT" v2
}

@test "hostile: a thread that cannot go on where it is does not hold the helper up" {
    export TFPRELOAD_EXIT_TIMEOUT=3
    serve_hostile fault
    set_version v2
    kill -HUP "$PID"
    wait_ready 2
    hears
    wait_generation_gone 1 # whose worker held the listener until then
    serves_version "$PORT" v2
    ends
}

@test "hostile: processes that nothing wakes do not hold the helper up" {
    export TFPRELOAD_EXIT_TIMEOUT=3
    serve_hostile asleep
    set_version v2
    kill -HUP "$PID"
    wait_ready 2
    hears
    wait_generation_gone 1
    serves_version "$PORT" v2
    ends
}

@test "hostile: a crowd of threads and numbers does not hold the helper up" {
    serve_hostile crowd
    set_version v2
    kill -HUP "$PID"
    wait_ready 2
    hears
    wait_retired 1
    serves_version "$PORT" v2
    ends
}

# serves_what_it_should: at the service's port answers the new version alone, and the server itself
# has no other listener
serves_what_it_should() {
    upgrade v2
    serves_version "$PORT" v2
    equal "$(ss -Hltnp "sport != :$PORT" | grep -c "pid=$(first_pid 2)," || true)" 0 "other listeners"
}

@test "hostile: a socket whose address changes while the helper looks does not take the service's place" {
    serve_hostile flips
    serves_what_it_should
}

@test "hostile: a socket that is refused the service's address does not take the service's place" {
    serve_hostile claims
    serves_what_it_should
}

@test "hostile: a worker is not handed what root has bound" {
    touch calm
    serve_hostile_later heir
    equal "$(grep -E '^(got|refused)$' "$OUT")" refused
    serves_version "$PORT" v2
}

# serve_hostile_later WHAT: the second generation has such a worker
serve_hostile_later() {
    set_version v1
    start "$HELPER" -- "$TESTS/hostile" "$PORT" "$PWD/version" "$1"
    wait_ready 1
    rm calm
    upgrade v2
    wait_for_log '^does$' "$OUT"
}

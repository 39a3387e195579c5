#!/usr/bin/env bats
#
# The tests themselves: one that fails says what it waited for, and leaves no process behind; and
# what scripts/test sees to.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # lines for another shell; every test is a subshell; variables of the helpers and of bats

load helpers

# run_suite TEXT...: a suite with one test, whose lines these are. Its output is in `told`. Where
# it is to wait in vain, it sets PATIENCE (in seconds) itself.
run_suite() {
    printf '%s\n' '@test "inner" {' "$@" '}' >inner
    {
        echo "load '$ROOT/tests/helpers'"
        cat inner
    } >inner.bats
    TFP_BUILD=$BUILD alone bats --tap inner.bats
}

# alone COMMAND...: it knows nothing of the test that runs it, but is marked by it. Its output is in
# `told`, its exit status STATUS.
alone() {
    local variable mark=$TFP_TEST_ID

    STATUS=0
    (
        for variable in "${!BATS_@}" TFP_TEST_ID; do
            unset "$variable"
        done
        MARK=$mark exec timeout -k 5 120 "$@"
    ) >told 2>&1 </dev/null 3>&- || STATUS=$?
}

# nothing_left MARK: no process has it in its environment
nothing_left() {
    local left

    left=$(grep -lzxF -e "$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | paste -sd,)
    [[ -z $left ]] || fail "left behind: $(ps -ww -o pid=,ppid=,args= -p "$left")"
}

# failed_saying PATTERN...: the inner test failed, and said each of these
failed_saying() {
    local pattern

    [[ $STATUS != 0 ]] || fail "the test passed: $(cat told)"
    for pattern in "$@"; do
        has_log "$pattern" told || fail "$(cat told)"
    done
    nothing_left "MARK=$TFP_TEST_ID"
}

@test "a wait in vain says what it waited for and what the service logged, and leaves no process" {
    run_suite 'serve poll' 'keep "$PORT"' 'start_load "$PORT" --clients 2' 'PATIENCE=1' 'wait_ready 2'
    failed_saying '^not ok 1 inner' 'waited 1 s in vain for: grep .*generation 2: ready after' \
        '^# --- log$' '^# tfpreload: generation 1: ready after'
}

@test "each wait for an answer says that none came" {
    requires python3
    # nobody accepts at the port, so that clients wait
    cat >listener <<'END'
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listens", flush=True)
time.sleep(1000)
END
    run_suite "start python3 '$PWD/listener' \"\$PORT\"" 'wait_for_log listens "$OUT"' 'PATIENCE=1' 'ask "$PORT"'
    failed_saying 'waited 1 s in vain for an answer from port'
}

@test "a kept connection that is not closed, or not answered, is said to be" {
    run_suite 'serve fork' 'keep "$PORT"' 'ask_kept' 'PATIENCE=1' 'kept_has_ended'
    failed_saying 'waited 1 s in vain for the end of a kept connection' 'generation 1: ready after'
    run_suite 'serve poll' 'keep "$PORT"' 'kill -STOP "$(first_pid 1)"' 'PATIENCE=1' 'ask_kept'
    failed_saying 'waited 1 s in vain for an answer to kept'
}

@test "what a failing test leaves is killed: sessions of their own, who ignores SIGTERM, who is stopped" {
    run_suite "serve poll; trap '' TERM" "setsid sh -c 'sleep 1000 & sleep 1000' 3>&- &" \
        'start sleep 1000' 'kill -STOP "$PID"' 'PATIENCE=1' 'false'
    failed_saying 'left behind, and killed now: .*sleep 1000'
}

@test "a test that passes and leaves a process fails, and names it" {
    run_suite "setsid sleep 1000 3>&- &" 'PATIENCE=1'
    failed_saying '^not ok 1 inner' 'left behind, and killed now: .*sleep 1000'
}

# ---- scripts/test ----

# copy_of_scripts: scripts/test and a tree around it in which there is nothing to build or install
copy_of_scripts() {
    mkdir -p copy/scripts copy/tests
    sed -e 's/^need_programs$//' -e 's/^readonly suite_time=.*/readonly suite_time=2/' \
        "$ROOT/scripts/test" >copy/scripts/test
    cp "$ROOT/scripts/common.bash" copy/scripts/
    chmod +x copy/scripts/test
    echo 'tests:' >copy/GNUmakefile
}

# suite NAME TEXT...: of the copy
suite() {
    printf '%s\n' "${@:2}" >"copy/tests/$1.bats"
}

@test "scripts/test: a suite that takes too long has failed, and leaves no process" {
    requires python3
    copy_of_scripts
    suite endless '@test "endless" {' "    python3 -c 'import os, time; os.setsid(); time.sleep(1000)' 3>&- &" \
        '    sleep 1000' '}'
    alone copy/scripts/test
    equal "$STATUS" 1 "status"
    has_log '^not ok 0 tests/endless.bats ended with status 1(24|37)$' told
    has_log '^not ok 0 left behind, and killed now: .*os.setsid' told
    nothing_left "MARK=$TFP_TEST_ID"
}

@test "scripts/test: --filter and --fast run what they say, and nothing else" {
    copy_of_scripts
    suite one '@test "an apple" { true; }' '# bats test_tags=fast' '@test "a pear" { true; }'
    suite two '@test "a plum" {' '    true' '}'
    suite unit '@test "a grape" {' '    true' '}'
    sed -i 's/ { true; }$/ {\n    true\n}/' copy/tests/one.bats

    alone copy/scripts/test --filter 'apple|plum'
    equal "$(grep '^ok' told | cut -d' ' -f3-4 | sort | paste -sd,)" "a plum,an apple" "tests"
    has_log '^2 passed, 0 failed$' told
    alone copy/scripts/test --filter apple two
    equal "$STATUS" 1 "status"
    has_log 'no test has a name like that' told
    alone copy/scripts/test --fast
    equal "$(grep '^ok' told | cut -d' ' -f3-4 | sort | paste -sd,)" "a grape,a pear" "tests"
    alone copy/scripts/test --fast one
    has_log '^1 passed, 0 failed$' told
    alone copy/scripts/test --filter
    equal "$STATUS" 1 "status"
}

# ---- apt ----

@test "another apt is waited for, whichever lock it has; any other error is not" {
    mkdir bin
    cat >bin/apt-get <<'END'
#!/bin/sh
echo "$*" >>calls
[ ! -e broken ] || { echo "E: Unable to locate package" >&2; exit 100; }
[ "$(wc -l <calls)" -gt 2 ] || {
    echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)" >&2
    exit 100
}
END
    chmod +x bin/apt-get
    export PATH=$PWD/bin:$PATH
    run -0 bash -c "source '$ROOT/scripts/common.bash'; as_root() { \"\$@\"; }; apt_get update"
    equal "$(grep -c update calls)" 3 "attempts"
    has_log 'DPkg::Lock::Timeout=[1-9]' calls
    equal "$(grep -c 'waiting for another apt: .*held by process 1' <<<"$output")" 1 "lines about it"
    touch broken
    run -1 bash -c "source '$ROOT/scripts/common.bash'; as_root() { \"\$@\"; }; apt_get update"
    [[ $output == *"Unable to locate"* ]] || fail "$output"
}

# required: the commands that a suite asks for, a line each
required() {
    sed -nE "s/^ *requires ([a-z0-9+ -]+)$/\1/p" "$ROOT"/tests/*.bats "$ROOT"/tests/*.bash |
        tr ' ' '\n' | grep -vx -e root -e cc | sort -u
}

@test "what a suite requires, scripts/test installs" {
    local command
    local -a missing=()

    required >commands
    [[ $(wc -l <commands) -gt 30 ]] || fail "only these were found: $(cat commands)"
    while read -r command; do
        grep -qE "(^|[ \"])${command//+/[+]}=[a-z0-9]" "$ROOT/scripts/test" || missing+=("$command")
    done <commands
    ((${#missing[@]} == 0)) || fail "no package is named for: ${missing[*]}"
}

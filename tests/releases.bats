#!/usr/bin/env bats
#
# What an upgrade finds anew: the directory behind a link that was switched, the program in it, and
# the variables of its file.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# Releases r1 and r2, whose server is the one of this suite, and the link `current` to the first.
prepare_releases() {
    local release

    for release in r1 r2; do
        mkdir "$release"
        echo "$release" >"$release/version"
        ln -s "$TESTS/epoll-level" "$release/server"
    done
    ln -s r1 current
}

switch_to() {
    ln -s "$1" new
    mv -T new current
}

# start_in DIRECTORY [OPTION]...: the release's server
start_in() {
    local directory=$1

    shift
    cd "$directory" || return 1
    start "$HELPER" "$@" -- ./server --port "$PORT" --version-file version
    cd "$BATS_TEST_TMPDIR" || return 1
    wait_ready 1
}

@test "a working directory that was reached by a link is the one that the link leads to by then" {
    prepare_releases
    start_in current
    serves_version "$PORT" r1
    switch_to r2
    upgrade
    serves_version "$PORT" r2
    equal "$(readlink "/proc/$(first_pid 2)/cwd")" "$(realpath r2)" "its directory"
    has_log "generation 2: executes $(realpath "$TESTS/epoll-level") in $(realpath r2)\$"
}

@test "the same where the library starts the helper" {
    prepare_releases
    cd current
    start_server ./server --port "$PORT" --version-file version
    cd "$BATS_TEST_TMPDIR"
    switch_to r2
    upgrade
    serves_version "$PORT" r2
}

@test "a link that leads nowhere fails the upgrade, and the next one finds it again" {
    prepare_releases
    start_in current
    switch_to nowhere
    upgrade_fails "cannot start in the directory $PWD/current: No such file or directory"
    serves_version "$PORT" r1
    switch_to r2
    upgrade
    serves_version "$PORT" r2
}

@test "a PWD that leads elsewhere is not followed, nor one without a link" {
    prepare_releases
    PWD=/usr start_in r1
    upgrade
    equal "$(readlink "/proc/$(first_pid 2)/cwd")" "$(realpath r1)" "directory with another PWD"
    kill -TERM "$PID"
    wait_end
    : >"$LOG"
    start_in r1
    mv r1 moved
    upgrade
    serves_version "$PORT" r1
}

@test "--directory: where the server starts, at first and then" {
    prepare_releases
    start "$HELPER" --directory current -- ./server --port "$PORT" --version-file version
    wait_ready 1
    serves_version "$PORT" r1
    switch_to r2
    upgrade
    serves_version "$PORT" r2
}

@test "--directory: what is accepted, and what is not" {
    run --separate-stderr "$HELPER" --directory nowhere -- true
    equal "$status:${stderr_lines[0]}" "2:tfhelper: --directory nowhere: expected the path of a directory"
    run --separate-stderr env TFPRELOAD_DIRECTORY="$LIBRARY" "$HELPER" -- sh -c 'exit 3'
    equal "$status" 3 "exit status"
    [[ $stderr == "tfpreload: TFPRELOAD_DIRECTORY=$LIBRARY is ignored: expected the path of a directory" ]] ||
        fail "$stderr"
    run --separate-stderr env TFPRELOAD_DIRECTORY=/usr "$HELPER" -- sh -c 'pwd -P'
    equal "$status:$output:$stderr" "0:/usr:"
}

@test "a variable that the file unsets is gone from the next generation on" {
    echo 'A=1' >variables
    export UNWANTED=old KEPT=kept
    start "$HELPER" --env-file variables -- "$TESTS/epoll-level" --port "$PORT"
    wait_ready 1
    printf '%s\n' 'unset UNWANTED  NOBODY' >variables
    upgrade
    tr '\0' '\n' <"/proc/$(first_pid 2)/environ" | grep -E '^(A|UNWANTED|KEPT)=' >left
    equal "$(<left)" KEPT=kept "variables"
}

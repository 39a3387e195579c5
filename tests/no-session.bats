#!/usr/bin/env bats
#
# Where no session begins: no helper, a set-user-ID program, a command that cannot be executed.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# ---- the helper's place ----

@test "TFPRELOAD_HELPER names the helper" {
    mkdir elsewhere
    cp "$HELPER" elsewhere/my-helper
    export TFPRELOAD_HELPER=$PWD/elsewhere/my-helper
    serve epoll-level
    equal "$(program_of "$PID")" "$PWD/elsewhere/my-helper"
    upgrade v2
    serves_version "$PORT" v2
}

@test "the helper is found in the directory that was compiled in" {
    requires gcc make
    mkdir libexec alone
    cp "$HELPER" libexec
    make -s -C "$ROOT" BUILD="$PWD/built" LIBEXECDIR="$PWD/libexec" "$PWD/built/libtfpreload.so"
    mv built/libtfpreload.so alone
    LIBRARY=$PWD/alone/libtfpreload.so
    serve poll
    equal "$(program_of "$PID")" "$PWD/libexec/tfhelper"
    upgrade v2
}

# runs_unshimmed PATTERN: the server runs as if we were not there, and one line says why
runs_unshimmed() {
    start_with_library "$TESTS/epoll-level" --port "$PORT"
    wait_until ask "$PORT"
    equal "$(program_of "$PID")" "$(readlink -f "$TESTS/epoll-level")"
    equal "$(ask "$PORT")" "1 $PID token"
    equal "$(wc -l <"$LOG")" 1 "lines on stderr"
    has_log "^tfpreload: .*$1"
    kill -TERM "$PID"
    wait_end
    equal "$STATUS" 0 "exit status"
}

@test "a helper that is missing: one line, and the server runs" {
    export TFPRELOAD_HELPER=$PWD/nowhere
    runs_unshimmed "$PWD/nowhere: No such file"
}

@test "a helper that cannot be executed: one line, and the server runs" {
    export TFPRELOAD_HELPER=$PWD/helper
    cp "$HELPER" helper
    chmod -x helper
    runs_unshimmed "$PWD/helper: Permission denied"
}

@test "a helper of another format: one line, and the server runs" {
    export TFPRELOAD_HELPER=$PWD/helper
    echo garbage >helper
    chmod +x helper
    runs_unshimmed "$PWD/helper: Exec format error"
}

@test "a library without a helper beside it: one line, and the server runs" {
    [[ ! -e /usr/local/libexec/tfhelper ]] || skip "tfpreload is installed"
    cp "$LIBRARY" .
    LIBRARY=$PWD/libtfpreload.so
    runs_unshimmed "No such file"
}

# ---- set-user-ID ----

@test "a set-user-ID program is left alone, even if the library is linked in" {
    requires root gcc
    cat >linked.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
int main(void)
{
    printf("secure %lu session %d\n", getauxval(AT_SECURE), getenv("TFPRELOAD_SESSION") != NULL);
    return 5;
}
END
    gcc -o linked linked.c -Wl,--no-as-needed "$LIBRARY" -Wl,-rpath,"$BUILD"
    equal "$(./linked || true)" "secure 0 session 1" "without set-user-ID"
    chmod 755 .
    chown 65534 linked
    chmod 4755 linked
    run --separate-stderr ./linked
    [[ $output == "secure 1 "* ]] || skip "set-user-ID has no effect in this file system"
    equal "$output" "secure 1 session 0"
    equal "$stderr" ""
    equal "$status" 5
}

@test "a set-user-ID copy of a server is left alone" {
    requires root
    cp "$TESTS/epoll-level" server
    chmod 755 .
    chown 65534 server
    chmod 4755 server
    start_with_library ./server --port "$PORT"
    wait_until ask "$PORT"
    equal "$(program_of "$PID")" "$PWD/server"
    has_no_log tfpreload
}

@test "a set-user-ID copy of a server is run by tfhelper, without upgrades" {
    requires root
    cp "$TESTS/epoll-level" server
    chmod 755 .
    chown 65534 server
    chmod 4755 server
    start "$HELPER" --ready-timeout 0.3 -- ./server --port "$PORT"
    wait_until ask "$PORT"
    wait_for_log 'does not wait for clients .* cannot be inherited'
    equal "$(ask "$PORT")" "1 $(children "$PID" | tr -d ' ') token"
}

@test "a static program that is not to be watched is run by tfhelper, without upgrades" {
    requires gcc
    gcc -D_GNU_SOURCE -static -pthread -o server "$ROOT"/tests/programs/odd.c
    start "$HELPER" --way preload --ready-timeout 0.3 -- ./server --port "$PORT"
    wait_until ask "$PORT"
    wait_for_log 'does not wait for clients .* cannot be inherited'
    equal "$(ask "$PORT")" "1 $(children "$PID" | tr -d ' ') token"
}

# ---- what cannot be executed ----

# ends_with STATUS PATTERN COMMAND...: of tfhelper, with one line
ends_with() {
    local wanted=$1 pattern=$2

    shift 2
    run "-$wanted" --separate-stderr "$HELPER" "$@"
    equal "$status" "$wanted" "status of: $*"
    [[ $stderr =~ $pattern ]] || fail "stderr of $*: $stderr"
    equal "$(wc -l <<<"$stderr")" 1 "lines on stderr of: $*"
}

@test "127 for a command that does not exist, 126 for one that cannot be executed" {
    touch file
    mkdir directory
    ends_with 127 'nowhere.*No such file' -- ./nowhere
    ends_with 127 'no-such-command.*No such file' -- no-such-command
    ends_with 127 'No such file' -- ""
    ends_with 127 'Not a directory' -- ./file/server
    ends_with 126 'Permission denied' -- ./file
    ends_with 126 'Permission denied' -- ./directory
    chmod +x file
    printf '#!/no/such/interpreter\n' >file
    ends_with 127 'No such file' -- ./file
}

@test "a command that only a shell can run is run by one, as execvp does" {
    echo 'exit 9' >script
    chmod +x script
    run "$HELPER" -- ./script
    equal "$status" 9 "exit status"
}

# without_proc COMMAND...: in a mount namespace whose /proc is empty, as in a chroot
without_proc() {
    requires root unshare
    # shellcheck disable=SC2016 # expanded by that shell
    run --separate-stderr timeout "$PATIENCE" unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$@"
}

@test "without /proc tfhelper refuses to start, in one line" {
    without_proc "$HELPER" -- touch started
    equal "$status" 126 "exit status"
    equal "$stderr" "tfhelper: /proc is not there, or that of other processes: tfhelper needs it, and the command is not run"
    [[ ! -e started ]] || fail "the command was run"
}

@test "without /proc a server with the library runs as if that were not there" {
    without_proc env LD_PRELOAD="$LIBRARY" sh -c 'echo ran; exit 3'
    equal "$status:$output" "3:ran"
    [[ $stderr == *"cannot find /proc: No such file or directory; running without upgrades"* ]] || fail "$stderr"
}

#!/usr/bin/env bats
# tfhelper check: what it says of programs before anyone tries them.

# shellcheck disable=SC2034,SC2154 # variables of the helpers; stderr and stderr_lines: run --separate-stderr

load helpers

# check STATUS VERDICT PROGRAM [FINDING...]: exit status, first line, and a line for each finding
check() {
    local status=0 wanted=$1 verdict=$2 program=$3 finding

    shift 3
    "$HELPER" check "$program" >answer 2>errors || status=$?
    equal "$status" "$wanted" "exit status for $program, which said: $(cat answer errors)"
    equal "$(head -n 1 answer)" "$program: $verdict" "verdict" || return 1
    equal "$(cat errors)" "" "stderr" || return 1
    for finding in "$@"; do
        has_log "^    .*$finding" answer || fail "$(cat answer)" || return 1
    done
}

# build NAME [OPTION...] <SOURCE
build() {
    local name=$1

    shift
    "${CC:-cc}" -xc - -o "$name" "$@" 2>cc.log || fail "cannot build $name: $(head -n 5 cc.log)"
}

# script NAME LINE: a file with this first line
script() {
    printf '%s\n' "$2" >"$1"
    chmod +x "$1"
}

nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# for_nobody: copies of what the tests use, where another user may read them
for_nobody() {
    requires root setpriv
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" .
    cp "$HELPER" "$LIBRARY" .
}

# check_as_nobody PROGRAM: prints the exit status and the first line
check_as_nobody() {
    local status=0

    nobody "$PWD/tfhelper" check "$1" >answer 2>errors || status=$?
    echo "$status $(head -n 1 answer)"
}

# ---- dynamic and static ----

@test "what clients of a program lose by an upgrade is said of those that are known for it" {
    cp /bin/true redis-server
    check 0 "can be upgraded" ./redis-server "./redis-server keeps what its clients have stored in memory, and"
    cp /bin/true postgres
    check 0 "can be upgraded" ./postgres "./postgres has files that one process may open at a time: set TFPRELOAD_OVERLAP=no"
    cp /bin/true other
    check 0 "can be upgraded" ./other "./other is a dynamic program"
    refute grep -q OVERLAP out
}

@test "a dynamic program can be upgraded" {
    check 0 "can be upgraded" /bin/true "/bin/true is a dynamic program for .* fits"
}

@test "a command is looked up in PATH" {
    check 0 "can be upgraded" true "/true is a dynamic program for"
}

@test "a static program can, from outside" {
    requires cc
    build server -static <<<'int main(void) { return 0; }'
    check 0 "can be upgraded" ./server "./server is statically linked, so nothing is preloaded: it is watched"
}

@test "a static program with relocations can, too" {
    requires cc
    build server -static-pie <<<'int main(void) { return 0; }'
    check 0 "can be upgraded" ./server "./server is statically linked, so nothing is preloaded: it is watched"
}

@test "a Go program can, and is named as such" {
    requires gosu
    check 0 "can be upgraded" gosu "gosu is a Go program, so nothing is preloaded"
}

@test "a Go program is known by its note, too, when it has no sections" {
    requires gosu
    cp "$(command -v gosu)" server
    # e_shoff, e_shnum and e_shstrndx of a 64-bit file: elf(5)
    dd if=/dev/zero of=server bs=1 seek=40 count=8 conv=notrunc status=none
    dd if=/dev/zero of=server bs=1 seek=60 count=4 conv=notrunc status=none
    check 0 "can be upgraded" ./server "./server is a Go program, so nothing is preloaded"
}

@test "a dynamic Go program is watched from outside, too: its system calls are its own" {
    requires cc objcopy
    build server <<<'int main(void) { return 0; }'
    echo information >information
    objcopy --add-section .go.buildinfo=information server
    check 0 "can be upgraded" ./server "./server is a Go program, so nothing is preloaded"
    has_no_log "statically linked" answer
}

# ---- the library ----

@test "a program of another libc is watched from outside" {
    requires musl-gcc
    CC=musl-gcc build server <<<'int main(void) { return 0; }'
    check 0 "can be upgraded" ./server "./server is of another libc, so nothing is preloaded"
}

@test "a program of another word size cannot" {
    [[ $(uname -m) == x86_64 ]] || skip "for x86-64"
    requires cc objcopy
    # not linked by a 32-bit compiler, which few machines have; the loader's path is what counts
    build server.o -c -m32 <<<'const char loader[] __attribute__((section(".interp"))) =
        "/lib/ld-linux.so.2"; void _start(void) {}'
    ld -m elf_i386 --dynamic-linker /lib/ld-linux.so.2 -pie -o server server.o
    "$HELPER" check ./server >answer || true
    has_log "^./server: cannot be" answer
    has_log "is a program for 32-bit x86 and glibc, but .* is for 64-bit x86-64 and glibc" answer
}

@test "a dynamic loader that is not there is said" {
    requires cc
    build server -Wl,--dynamic-linker=/nowhere/ld-linux-x86-64.so.2 <<<'int main(void) { return 0; }'
    check 126 "cannot be executed" ./server "needs the dynamic loader /nowhere/ld-linux-x86-64.so.2"
}

@test "no library beside tfhelper" {
    cp "$HELPER" .
    HELPER=./tfhelper check 1 "cannot be upgraded" true "libtfpreload.so is not beside tfhelper"
}

@test "--library and TFPRELOAD_LIBRARY name the library" {
    cp "$LIBRARY" other.so
    echo "no library" >text.so
    equal "$("$HELPER" check --library ./other.so true | grep -c '\./other.so fits')" 1 "findings"
    TFPRELOAD_LIBRARY=./text.so check 1 "cannot be upgraded" true "./text.so is no library"
    run -0 env TFPRELOAD_LIBRARY=./text.so "$HELPER" check --library ./other.so true
}

# ---- privileges ----

@test "a set-user-ID program cannot, unless it is for its own user" {
    for_nobody
    cp /bin/true server
    chmod 4755 server
    equal "$(check_as_nobody ./server)" "1 ./server: cannot be upgraded"
    has_log "is set-user-ID or set-group-ID, so the dynamic loader ignores LD_PRELOAD" answer
    chown 65534 server
    chmod 4755 server
    equal "$(check_as_nobody ./server)" "0 ./server: can be upgraded"
}

@test "a set-group-ID program cannot" {
    for_nobody
    cp /bin/true server
    chmod 2755 server
    equal "$(check_as_nobody ./server)" "1 ./server: cannot be upgraded"
}

@test "a program with file capabilities cannot, except for root" {
    requires setcap
    for_nobody
    cp /bin/true server
    setcap cap_net_bind_service+ep server || skip "no file capabilities in this file system"
    equal "$(check_as_nobody ./server)" "1 ./server: cannot be upgraded"
    has_log "has file capabilities, so the dynamic loader ignores LD_PRELOAD" answer
    HELPER=$PWD/tfhelper check 0 "can be upgraded" ./server
}

@test "a program that may be executed, but not read, is doubtful" {
    for_nobody
    cp /bin/true server
    chmod 711 server
    equal "$(check_as_nobody ./server)" "5 ./server: doubtful"
    has_log "cannot be read: Permission denied; check it as root" answer
}

# ---- imports ----

@test "syscall() beside bind() and accept() is mentioned" {
    requires cc
    build server <<<'
        #include <sys/socket.h>
        #include <unistd.h>
        int main(void) { return (int)syscall(39) + bind(0, 0, 0) + accept(0, 0, 0); }'
    check 0 "can be upgraded" ./server "imports syscall\(\) too"
}

@test "syscall() without them is doubtful" {
    requires cc
    build server <<<'
        #define _GNU_SOURCE
        #include <unistd.h>
        int main(void) { return (int)syscall(43, 0, 0, 0); }'
    check 5 "doubtful" ./server "imports syscall\(\), and not both bind\(\) and accept\(\)"
}

@test "io_uring: a program that is linked to liburing, and has no accept(), is watched from outside" {
    requires cc
    [[ -e /usr/include/liburing.h ]] || skip "liburing is missing"
    build server -luring <<<'
        #include <liburing.h>
        int main(void) { struct io_uring ring; return io_uring_queue_init(8, &ring, 0); }'
    check 0 "can be upgraded" ./server "./server accepts by io_uring, so nothing is preloaded: it is watched"
}

@test "io_uring: a function of it from another library is enough" {
    requires cc
    build other.so -shared <<<'void io_uring_submit(void) {}'
    build server -Wl,./other.so <<<'void io_uring_submit(void); int main(void) { io_uring_submit(); }'
    check 0 "can be upgraded" ./server "./server accepts by io_uring, so nothing is preloaded: it is watched"
}

@test "io_uring is doubtful where there is accept() as well" {
    requires cc
    build other.so -shared <<<'void io_uring_submit(void) {}'
    build server -Wl,./other.so <<<'
        #include <sys/socket.h>
        void io_uring_submit(void);
        int main(void) { io_uring_submit(); return accept(0, 0, 0); }'
    check 5 "doubtful" ./server "./server imports io_uring, and accept\(\) too"
}

# ---- sanitizers ----

# sanitized NAME OPTION... <SOURCE, or the test is skipped: not every compiler has each of them
sanitized() {
    requires cc
    (build "$@" <<<'int main(void) { return 0; }') || skip "$(head -n 1 cc.log)"
    build "$@"
}

ECHO='#include <poll.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    struct pollfd wait = {socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0};
    setsockopt(wait.fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(wait.fd, (struct sockaddr *)&address, sizeof address) || listen(wait.fd, 10))
        return 1;
    while (poll(&wait, 1, -1) == 1) {
        char line[100], token[100] = "", *answer = malloc(200);
        int client = accept(wait.fd, NULL, NULL);
        ssize_t length = read(client, line, sizeof line - 1);
        line[length < 0 ? 0 : length] = 0;
        sscanf(line, "GET %99s", token);
        dprintf(client, "1 %d %s\n", (int)getpid(), token);
        close(client);
        free(answer);
    }
    return count;
}'

# upgrades_sanitized PROGRAM: it starts under the library, and twice more
upgrades_sanitized() {
    start_server "$PWD/$1" "$PORT"
    upgrade
    upgrade
    equal "$(ask "$PORT")" "1 $(first_pid 3) token"
    has_no_log 'ASan|Sanitizer'
}

@test "AddressSanitizer's runtime need not come first" {
    sanitized server -fsanitize=address <<<"$ECHO"
    check 0 "can be upgraded" ./server "./server is built with AddressSanitizer"
    upgrades_sanitized server
}

@test "AddressSanitizer still sees what it is there for" {
    sanitized server -O0 -fsanitize=address <<<'
        #include <stdlib.h>
        int main(void) { char *freed = malloc(10); free(freed); return freed[3]; }'
    run env LD_PRELOAD="$LIBRARY" ./server
    [[ $output == *heap-use-after-free* ]] || fail "$output"
}

@test "AddressSanitizer with options of the program's own" {
    sanitized server -fsanitize=address <<<"const char *__asan_default_options(void);
        const char *__asan_default_options(void) { return \"color=never\"; }
        $ECHO"
    check 5 "doubtful" ./server "have tfhelper start it, or set ASAN_OPTIONS=verify_asan_link_order=0"
    ASAN_OPTIONS=verify_asan_link_order=0 upgrades_sanitized server
    LOG=$BATS_TEST_TMPDIR/log-helper
    PORT=$(free_port)
    ASAN_OPTIONS=detect_leaks=0 start "$HELPER" -- "$PWD/server" "$PORT"
    wait_ready 1
    upgrade
    equal "$(ask "$PORT")" "1 $(first_pid 2) token"
    has_log '^tfpreload: .*/server has options of its own for AddressSanitizer: ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 has its runtime'
    has_no_log 'runtime does not come first'
}

@test "AddressSanitizer that is linked into the program" {
    sanitized server -fsanitize=address "$(static_runtime)" <<<"$ECHO"
    check 0 "can be upgraded" ./server
    upgrades_sanitized server
}

# gcc's option; clang links its runtime so anyway
static_runtime() {
    "${CC:-cc}" --version | grep -q clang && echo -static-libsan || echo -static-libasan
}

@test "ThreadSanitizer is doubtful, and a server that polls is upgraded" {
    sanitized server -fsanitize=thread <<<"$ECHO"
    check 5 "doubtful" ./server "./server is built with ThreadSanitizer"
    upgrades_sanitized server
}

@test "ThreadSanitizer holds our signals back from accept(): said, and the server serves on" {
    # as a server without an event loop has it
    sanitized server -fsanitize=thread <<<"${ECHO//poll(&wait, 1, -1) == 1/1}"
    check 5 "doubtful" ./server "in accept\(\): try it, and look for 'did not hand over its listeners'"
    start_server "$PWD/server" "$PORT"
    upgrade_fails 'did not hand over its listeners'
    equal "$(ask "$PORT")" "1 $(first_pid 1) token"
}

# ---- scripts ----

@test "a script is followed to its interpreter" {
    cp /bin/true interpreter
    script server "#!$PWD/interpreter -x"
    check 0 "can be upgraded" ./server "./server is a script of $PWD/interpreter" \
        "$PWD/interpreter is a dynamic program"
}

@test "a script whose interpreter is static" {
    requires cc
    build interpreter -static <<<'int main(void) { return 0; }'
    script server "#! $PWD/interpreter"
    check 0 "can be upgraded" ./server "$PWD/interpreter is statically linked, so nothing is preloaded"
}

@test "a script of env is followed through PATH" {
    script server "#!/usr/bin/env perl"
    script perl "#!/usr/bin/env -S -u HOME NAME=value true -w"
    PATH=$PWD:$PATH check 0 "can be upgraded" ./server "./server is a script: env looks for perl" \
        "$PWD/perl is a script: env looks for true" "/true is a dynamic program"
}

@test "a script of env -i cannot: LD_PRELOAD is lost" {
    script server "#!/usr/bin/env -iS true"
    check 1 "cannot be upgraded" ./server "has env empty the environment" "/true is a dynamic"
    script server "#!/usr/bin/env -S -i true"
    check 1 "cannot be upgraded" ./server "has env empty the environment" "/true is a dynamic"
}

@test "a shell script: the server that it starts is to be checked, too" {
    script server "#!/bin/sh"
    check 0 "can be upgraded" ./server "./server is a shell script: check the server"
    script server "#!/usr/bin/env bash"
    check 0 "can be upgraded" ./server "./server is a shell script: check the server"
}

@test "a script whose interpreter is missing" {
    script server "#!/nowhere/interpreter"
    check 127 "not found" ./server "/nowhere/interpreter: No such file or directory"
    script server "#!/usr/bin/env no-such-program"
    check 127 "not found" ./server "no-such-program is not in PATH"
}

@test "a script without an interpreter" {
    script server "#!"
    check 126 "cannot be executed" ./server "has a #! line without an interpreter"
}

@test "scripts in a circle end" {
    script one "#!$PWD/other"
    script other "#!$PWD/one"
    check 126 "cannot be executed" ./one "lead in a circle"
    script same "#!/usr/bin/env same"
    PATH=$PWD:$PATH check 126 "cannot be executed" same "lead in a circle"
}

# ---- what is no program ----

@test "what is not there" {
    check 127 "not found" ./nowhere "./nowhere: No such file or directory"
    check 127 "not found" no-such-program "no-such-program is not in PATH"
    check 127 "not found" "" "is not in PATH"
}

@test "what cannot be executed" {
    mkdir directory
    touch empty data
    chmod +x empty
    mkfifo pipe
    echo text >text
    chmod +x text
    check 126 "cannot be executed" ./directory "./directory is a directory"
    check 126 "cannot be executed" ./empty "neither an ELF program nor a script"
    check 126 "cannot be executed" ./text "neither an ELF program nor a script"
    check 126 "cannot be executed" ./data "may not be executed"
    check 126 "cannot be executed" ./pipe "is no regular file"
}

@test "an object file is no program" {
    requires cc
    build object.o -c <<<'int value;'
    chmod +x object.o
    check 126 "cannot be executed" ./object.o "is an ELF file, but no program"
}

@test "an ELF file that is cut off" {
    head -c 200 /bin/true >server
    chmod +x server
    check 126 "cannot be executed" ./server "./server is damaged or cut off"
    printf '\177ELF' >server
    check 126 "cannot be executed" ./server "./server is damaged or cut off"
}

@test "whatever is in an ELF file, it gets a verdict" {
    python3 "$PROGRAMS/damage.py" "$HELPER" /bin/true
}

# ---- several programs, usage ----

@test "of several programs, the worst decides" {
    script emptied "#!/usr/bin/env -iS true"
    run -0 "$HELPER" check true /bin/true
    equal "${#lines[@]}" 4 "lines"
    run -1 "$HELPER" check true ./emptied true
    run -126 "$HELPER" check ./emptied /
    run -127 "$HELPER" check no-such-program /
    equal "${lines[0]}" "no-such-program: not found"
}

@test "usage" {
    run -2 --separate-stderr "$HELPER" check
    equal "$output" ""
    equal "${stderr_lines[0]}" "tfhelper: check takes a command, or the path of a program"
    run -2 --separate-stderr "$HELPER" check --unknown true
    equal "${stderr_lines[0]}" "tfhelper: --unknown: unknown option of check"
    run -2 --separate-stderr "$HELPER" check --library
    equal "${stderr_lines[0]}" "tfhelper: --library: an argument is missing"
    run -0 --separate-stderr "$HELPER" check --help
    equal "$stderr" ""
    grep -q -e "--library PATH" <<<"$output"
}

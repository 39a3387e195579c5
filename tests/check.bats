#!/usr/bin/env bats
# tfhelper check: what it says of programs before anyone tries them.

# shellcheck disable=SC2154 # stderr and stderr_lines: run --separate-stderr

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

@test "a dynamic program can be upgraded" {
    check 0 "can be upgraded" /bin/true "/bin/true is a dynamic program for .* fits"
}

@test "a command is looked up in PATH" {
    check 0 "can be upgraded" true "/true is a dynamic program for"
}

@test "a static program cannot" {
    requires cc
    build server -static <<<'int main(void) { return 0; }'
    check 1 "cannot be upgraded" ./server "./server is statically linked"
}

@test "a static program with relocations cannot" {
    requires cc
    build server -static-pie <<<'int main(void) { return 0; }'
    check 1 "cannot be upgraded" ./server "./server is statically linked"
}

@test "a Go program cannot, and is named as such" {
    requires gosu
    check 1 "cannot be upgraded" gosu "gosu is a Go program, statically linked"
}

@test "a Go program is known by its note, too, when it has no sections" {
    requires gosu
    cp "$(command -v gosu)" server
    # e_shoff, e_shnum and e_shstrndx of a 64-bit file: elf(5)
    dd if=/dev/zero of=server bs=1 seek=40 count=8 conv=notrunc status=none
    dd if=/dev/zero of=server bs=1 seek=60 count=4 conv=notrunc status=none
    check 1 "cannot be upgraded" ./server "./server is a Go program, statically linked"
}

@test "a dynamic Go program cannot either: its system calls are its own" {
    requires cc objcopy
    build server <<<'int main(void) { return 0; }'
    echo information >information
    objcopy --add-section .go.buildinfo=information server
    check 1 "cannot be upgraded" ./server "./server is a Go program, whose system calls"
    has_no_log "statically linked" answer
}

# ---- the library ----

@test "a program of another libc cannot" {
    requires musl-gcc
    CC=musl-gcc build server <<<'int main(void) { return 0; }'
    check 1 "cannot be upgraded" ./server "and musl, but .*/libtfpreload.so is for .* and glibc"
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

@test "io_uring is doubtful: linked to liburing" {
    requires cc
    [[ -e /usr/include/liburing.h ]] || skip "liburing is missing"
    build server -luring <<<'
        #include <liburing.h>
        int main(void) { struct io_uring ring; return io_uring_queue_init(8, &ring, 0); }'
    check 5 "doubtful" ./server "./server imports io_uring"
}

@test "io_uring is doubtful: a function of it from another library" {
    requires cc
    build other.so -shared <<<'void io_uring_submit(void) {}'
    build server -Wl,./other.so <<<'void io_uring_submit(void); int main(void) { io_uring_submit(); }'
    check 5 "doubtful" ./server "./server imports io_uring"
}

# ---- scripts ----

@test "a script is followed to its interpreter" {
    cp /bin/true interpreter
    script server "#!$PWD/interpreter -x"
    check 0 "can be upgraded" ./server "./server is a script of $PWD/interpreter" \
        "$PWD/interpreter is a dynamic program"
}

@test "a script whose interpreter is static cannot" {
    requires cc
    build interpreter -static <<<'int main(void) { return 0; }'
    script server "#! $PWD/interpreter"
    check 1 "cannot be upgraded" ./server "$PWD/interpreter is statically linked"
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
    requires cc
    build static -static <<<'int main(void) { return 0; }'
    run -0 "$HELPER" check true /bin/true
    equal "${#lines[@]}" 4 "lines"
    run -1 "$HELPER" check true ./static true
    run -126 "$HELPER" check ./static /
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

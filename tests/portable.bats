#!/usr/bin/env bats
#
# Built for another libc, or another word size: the same upgrades.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# upgraded_in DIRECTORY NAME...: these of the servers that were built there, by the helper from there
upgraded_in() {
    local directory=$1 name

    shift
    for name in "$@"; do
        PORT=$(free_port)
        # shellcheck disable=SC2034 # for the helpers
        LOG=$BATS_TEST_TMPDIR/log-$name
        set_version v1
        start "$directory/tfhelper" --library "$directory/libtfpreload.so" -- "$directory/tests/$name" \
            --port "$PORT" --version-file "$PWD/version" --options-file "$PWD/options"
        wait_ready 1
        start_load "$PORT" --clients 4 --kept 4
        upgrade v2
        upgrade v3
        stop_load
        serves_version "$PORT" v3
        kill -TERM "$PID"
        wait_end
    done
}

# upgraded_with CC...: everything is built by this compiler, and upgraded under load
upgraded_with() {
    MAKEFLAGS="" make -s -C "$ROOT" BUILD="$PWD/built" CC="$*" all built-servers >made 2>&1 || {
        cat made
        fail "does not build with $*"
    }
    upgraded_in "$PWD/built" thread prefork epoll-edge
}

# scripts/builds makes many, with TFP_BUILD.
@test "the servers of this build are upgraded under load" {
    upgraded_in "$BUILD" thread prefork poll epoll-edge
}

# What scripts/builds runs under qemu-user: nothing is lost. There an old generation may answer one more
# client, who came while it sat in accept(): it is not woken, since /proc/self/task/TID/syscall shows
# the system calls of another processor.
@test "this build under an emulator: an upgrade loses nothing" {
    set_version v1
    start "$HELPER" --library "$LIBRARY" -- "$TESTS/epoll-edge" --port "$PORT" \
        --version-file "$PWD/version" --options-file "$PWD/options"
    wait_ready 1
    start_load "$PORT" --clients 4 --kept 4
    upgrade v2
    upgrade v3
    stop_load
    equal "$(load_value versions)" 3 "versions that have answered"
    kill -TERM "$PID"
    wait_end
}

@test "musl" {
    local machine

    requires musl-gcc
    machine=$(gcc -print-multiarch)
    # the kernel's headers are where glibc's are, and musl's own come first
    upgraded_with musl-gcc -idirafter /usr/include -idirafter "/usr/include/$machine"
}

# runs_32_bit_programs: by the compiler's own package. gcc-multilib, which is not needed, has a link
# to the kernel's headers and excludes the cross compilers of scripts/builds.
runs_32_bit_programs() {
    echo 'int main(void) { return 0; }' >word.c
    if ! gcc -m32 -o word word.c 2>/dev/null || ! ./word; then
        skip "no 32-bit programs here"
    fi
    COMPILER=(gcc -m32 -idirafter "/usr/include/$(gcc -print-multiarch)")
}

@test "32-bit x86" {
    runs_32_bit_programs
    upgraded_with "${COMPILER[@]}"
}

# preload_directory PROGRAM: what its ld.so has for $LIB
preload_directory() {
    local loader

    loader=$(readelf -lW "$1" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
    "$loader" --list-diagnostics 2>/dev/null | sed -n 's/^dl_dst_lib="\(.*\)"$/\1/p'
}

@test "one session, two word sizes: \$LIB finds the library of each, and one helper serves both" {
    local directory i=2 name
    local -a order=(narrow wide narrow)

    runs_32_bit_programs
    MAKEFLAGS="" make -s -C "$ROOT" BUILD="$PWD/narrow" CC="${COMPILER[*]}" \
        "$PWD/narrow/libtfpreload.so" "$PWD/narrow/tests/thread"
    gcc -o wide-word word.c
    for name in word:narrow/libtfpreload.so "wide-word:$LIBRARY"; do
        directory=$(preload_directory "./${name%%:*}")
        [[ $directory ]] || skip "ld.so does not say what \$LIB is"
        mkdir -p "lib/$directory"
        cp "${name#*:}" "lib/$directory/"
    done
    [[ $(find lib -name libtfpreload.so | wc -l) == 2 ]] || skip "\$LIB is the same for both here"
    ln -s "$TESTS/thread" server
    set_version v1
    # shellcheck disable=SC2016 # for ld.so
    start env LD_PRELOAD="$PWD"'/lib/$LIB/libtfpreload.so' TFPRELOAD_HELPER="$HELPER" ./server \
        --port "$PORT" --version-file "$PWD/version" --options-file "$PWD/options"
    wait_ready 1
    start_load "$PORT" --clients 4 --kept 4 --kept-life 1
    for name in "${order[@]}"; do
        if [[ $name == wide ]]; then
            ln -sfn "$TESTS/thread" server
        else
            ln -sfn narrow/tests/thread server
        fi
        upgrade "v$i"
        equal "$(program_of "$(first_pid "$i")")" "$(readlink -f server)" "generation $i"
        grep -q 'libtfpreload.so' "/proc/$(first_pid "$i")/maps" || fail "no library in generation $i"
        i=$((i + 1))
    done
    stop_load
    has_no_log 'without upgrades|cannot'
    serves_version "$PORT" v4
}

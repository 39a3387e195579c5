#!/usr/bin/env bats
#
# The two files that are installed: what they export, need and weigh.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

@test "the library exports what tests/exports.list says, and nothing else" {
    nm -D --defined-only --format=posix "$LIBRARY" | cut -d' ' -f1 | LC_ALL=C sort >exports
    diff "$ROOT/tests/exports.list" exports
}

@test "the exports carry no version" {
    # nm would print NAME@@VERSION
    nm -D --defined-only "$LIBRARY" >symbols
    readelf -W --version-info "$LIBRARY" >versions
    refute grep @ symbols
    refute grep 'Version definition' versions
}

@test "everything exported is a function" {
    nm -D --defined-only --format=posix "$LIBRARY" >symbols
    refute grep -v ' T ' symbols
}

@test "nothing but libc is needed" {
    local file

    for file in "$LIBRARY" "$HELPER"; do
        readelf -dW "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >needed
        refute grep -Ev '^(libc\.|libdl\.|ld-linux|ld64)' needed
    done
}

# Which one a program asks for is the newest of its symbols.
@test "nothing is asked of glibc that it has not had since 2.17" {
    local file newest

    for file in "$LIBRARY" "$HELPER"; do
        objdump -T "$file" >symbols
        newest=$(grep -o 'GLIBC_[0-9.]*' symbols | sort -Vu | tail -n 1)
        equal "$(printf '%s\n' "$newest" GLIBC_2.17 | sort -V | tail -n 1)" GLIBC_2.17 \
            "${file##*/}: $(grep -wF "$newest" symbols)"
    done
}

@test "the library weighs 96 KiB at most" {
    strip -o stripped "$LIBRARY"
    [[ $(stat -c %s stripped) -le 98304 ]] || fail "$(stat -c %s stripped) bytes"
}

@test "the library is initialised first, never unloaded, and has no path of its own" {
    readelf -dW "$LIBRARY" >dynamic
    grep -q 'FLAGS_1.*INITFIRST' dynamic
    grep -q 'FLAGS_1.*NODELETE' dynamic
    refute grep -E 'RPATH|RUNPATH|TEXTREL' dynamic
}

@test "both are hardened" {
    local file

    for file in "$LIBRARY" "$HELPER"; do
        readelf -dW "$file" | grep -Eq 'FLAGS.*BIND_NOW|FLAGS_1.*NOW' || fail "$file: -z now"
        readelf -lW "$file" | grep -q GNU_RELRO || fail "$file: -z relro"
        readelf -lW "$file" >segments
        refute grep -E 'GNU_STACK.*E ' segments
        refute grep -E 'LOAD +0x0+ .* R E ' segments # code has pages of its own
    done
    readelf -hW "$HELPER" | grep -q 'Type:.*DYN' || fail "tfhelper is not position-independent"
}

@test "thread-local storage needs no dynamic allocation" {
    # general-dynamic TLS would call __tls_get_addr, which may allocate in a signal handler
    nm -D --undefined-only "$LIBRARY" >symbols
    refute grep __tls_get_addr symbols
}

@test "nothing is called that other preloads answer under a lock" {
    # an order may interrupt them in there; libfaketime wraps all of these
    nm -D --undefined-only "$LIBRARY" >symbols
    refute grep -E ' (l?stat|fstat(at)?|clock_gettime|gettimeofday|time|nanosleep|getpid)(@|$)' symbols
}

#!/usr/bin/env bats
#
# What needs no process to be tried: the programs of tests/unit, a test for each. How one is
# written stands at the top of tests/unit/unit.h.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# unit NAME: all cases of tests/unit/NAME.c; what did not hold is printed
unit() {
    timeout -k 5 300 "$BUILD/unit/$1" >cases 2>&1 || {
        grep -v '^ok ' cases
        fail "tests/unit/$1.c failed"
    }
}

@test "unit: every program has its test here" {
    local file name

    for file in "$ROOT"/tests/unit/*.c; do
        name=$(basename "$file" .c)
        grep -Eq "^ +unit $name\$" "$BATS_TEST_FILENAME" || fail "nothing runs tests/unit/$name.c"
    done
}

@test "unit: children, also where the kernel has no list of them" {
    unit children
}

@test "unit: the helper's state, a line for each thing" {
    unit carry
}

@test "unit: durations" {
    unit durations
}

@test "unit: ELF files, good and damaged" {
    unit elf-file
}

@test "unit: the environment file" {
    unit env-file
}

@test "unit: JSON" {
    unit json
}

@test "unit: the keys of listeners" {
    unit keys
}

@test "unit: what a message may hold" {
    unit messages
}

@test "unit: what servers tell their manager" {
    unit notice-text
}

@test "unit: packets with descriptors" {
    unit packet
}

@test "unit: the pidfile" {
    unit pidfile
}

@test "unit: plain text" {
    unit plain
}

@test "unit: what the texts in /proc say" {
    unit proc-text
}

@test "unit: the files of /proc" {
    unit procfile
}

@test "unit: /proc/net/unix, and who writes into it" {
    unit proc-unix
}

@test "unit: reports of the helper" {
    unit reports
}

@test "unit: the first lines of scripts" {
    unit scripts
}

@test "unit: what sock_diag answers" {
    unit sock-diag-answer
}

@test "unit: what a helper hands on to the next" {
    unit state
}

@test "unit: the values of settings" {
    unit setting-values
}

@test "unit: the status of files in the library, without statx(2) as well" {
    unit preload-file-status
}

@test "unit: /proc as the library reads it" {
    unit preload-proc-text
}

@test "unit: the variable that names the session" {
    unit preload-session
}

# bats test_tags=fast
@test "unit: the life of a generation" {
    unit life
}

@test "unit: whose peer a datagram is from" {
    unit routes
}

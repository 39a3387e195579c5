#!/usr/bin/env bats
#
# What the documents say is what the programs do.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

@test "README explains every line that the programs print" {
    run python3 "$PROGRAMS/messages.py" "$ROOT/README.md" "$ROOT"/helper/*.c "$ROOT"/preload/*.c
    equal "$status" 0
    equal "$output" "" "not explained"
}

@test "the test above finds what is not explained" {
    cat >some.c <<'END'
    log_line(LEVEL_INFO, "generation %u: nobody has heard of " "this (%s)", number, text);
    log_line(LEVEL_DEBUG, "generation %u: nor of this one, which is for developers", number);
END
    run python3 "$PROGRAMS/messages.py" "$ROOT/README.md" some.c
    equal "${#lines[@]}" 1
    [[ $output == *"nobody has heard of this"* ]]
}

@test "README names every file of the repository that it names rightly" {
    local path

    # shellcheck disable=SC2016 # the backquotes are README's
    for path in $(grep -oE '`(preload|helper|tests|scripts)/[A-Za-z0-9_./-]+`' "$ROOT/README.md" | tr -d '`' | sort -u); do
        [[ -e $ROOT/$path ]] || fail "README names $path, which is not there"
    done
}

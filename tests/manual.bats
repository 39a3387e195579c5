#!/usr/bin/env bats
#
# The man pages: well-formed, and in agreement with --help and with what the program prints.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

setup() {
    prepare
    PAGE=$ROOT/helper/tfhelper.1
}

commands() {
    "$HELPER" --help | awk '/^Commands/ { inside = 1; next } /^$/ { inside = 0 } inside { print $1 }'
}

# help_options COMMAND: "-f, --file PATH" a line
help_options() {
    "$HELPER" "$1" --help |
        sed -nE 's/^ +((-[a-zA-Z], )?--[a-z-]+( [A-Z]+)?).*/\1/p' | sort
}

# page_options COMMAND: the same, from the command's section
page_options() {
    awk -v title=".Ss tfhelper $1" '/^\.S[sh] / { inside = $0 == title } inside && /^\.It Fl / {
        sub(/^\.It /, "")
        gsub(/Fl (-?)/, "-&"); gsub(/Fl /, ""); gsub(/ Ar [A-Z]+ , -/, ", -")
        gsub(/ , /, ", "); gsub(/Ar /, "")
        print
    }' "$PAGE" | sort
}

# json_keys FILE: the names in it, without those of the settings
json_keys() {
    python3 - "$1" <<'END'
import json
import sys

def keys(value, path=()):
    if isinstance(value, list):
        for item in value:
            yield from keys(item, path)
    elif isinstance(value, dict) and path != ("settings",):
        for name, item in value.items():
            yield name
            yield from keys(item, (name,))

print(*sorted(set(keys(json.load(open(sys.argv[1]))))))
END
}

@test "mandoc finds nothing to mend" {
    local page

    requires mandoc
    for page in "$ROOT"/helper/*.[0-9] "$ROOT"/preload/*.[0-9]; do
        # other pages need not be installed here
        run mandoc -Tlint "$page"
        equal "$(grep -vE 'referenced manual not found|mandoc\.db' <<<"$output" || true)" "" "$page"
    done
}

@test "a section for each command, with the options of its --help" {
    local command

    equal "$(sed -n 's/^\.Ss tfhelper //p' "$PAGE" | sort)" "$(commands | sort)" "sections"
    for command in $(commands); do
        [[ -n $(help_options "$command") ]] || fail "$command --help has no options"
        [[ $command != adopt ]] || continue
        equal "$(page_options "$command")" "$(help_options "$command")" "$command"
    done
}

@test "adopt has the options of run, as its section says" {
    equal "$(help_options adopt)" "$(help_options run)" "options"
    sed -n '/^\.Ss tfhelper adopt/,/^\.Ss tfhelper upgrade/p' "$PAGE" | paste -sd' ' |
        grep -qF 'The options are those of .Cm run .' || fail "the section does not say so"
}

@test "the synopsis has each command" {
    local command

    for command in $(commands); do
        sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$PAGE" | grep -qE "^\.(Op )?Cm $command\$" ||
            fail "not in the synopsis: $command"
    done
}

@test "each variable of --help, with its option" {
    "$HELPER" --help | awk '/^ +--/ { option = $1 } /\[TFPRELOAD_/ { gsub(/[][]/, ""); print $1, option }' |
        sort >wanted
    awk '/^\.Sh / { inside = $0 == ".Sh ENVIRONMENT" }
        inside && variable && /^\.Fl/ { print variable, "-" $2 }
        { variable = "" }
        inside && /^\.It Ev TFPRELOAD_[A-Z_]+$/ { variable = $3 }' "$PAGE" | sort >written
    [[ -s wanted ]]
    diff wanted written
}

@test "the defaults that --help gives" {
    local option default

    "$HELPER" run --help | sed -nE 's/^ +--([a-z-]+) .*\(([A-Za-z0-9]+)\)$/\1 \2/p' | grep -v ' none$' |
        while read -r option default; do
            awk -v option="-$option" '/^\.It Fl / { inside = $3 == option } inside' "$PAGE" |
                grep -qE "$default" || fail "--$option: $default is not in the page" || return 1
        done
}

@test "each key of status --json" {
    local key

    serve poll
    keep "$PORT"
    ask_kept >/dev/null
    upgrade v2
    "$HELPER" status --json "$PID" >status.json
    sed '/^\.Sh STATUS AS JSON/,/^\.Sh /!d' "$PAGE" >section
    for key in $(json_keys status.json); do
        grep -qE "^\.(It )?Va (.* )?$key( |\$)" section || fail "not in the page: $key"
    done
    # and the other way round
    for key in $(sed -nE 's/^\.(It )?Va ([a-z_ ,]+)$/\2/p' section | tr -d ','); do
        grep -qF "\"$key\":" status.json || fail "in the page, and not printed: $key"
    done
}

@test "each exit status" {
    local status

    for status in 0 1 2 3 4 5 126 127; do
        "$HELPER" --help | sed -n '/^Exit status/,$p' | grep -qwF "$status" || fail "--help: $status"
        sed '/^\.Sh EXIT STATUS/,/^\.Sh /!d' "$PAGE" | grep -qxF ".It $status" || fail "page: $status"
    done
    equal "$(sed '/^\.Sh EXIT STATUS/,/^\.Sh /!d' "$PAGE" | grep -c '^\.It ')" 8 "exit statuses"
}

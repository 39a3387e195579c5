#!/usr/bin/env bats
#
# What the documents say is what the programs do.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# compare [SOURCE]...: the sources with tfpreload-messages(7); all of them, if none is named
compare() {
    (($# > 0)) || set -- "$ROOT"/helper/*.c "$ROOT"/helper/*/*.c "$ROOT"/preload/*.c "$ROOT"/preload/*/*.c
    run python3 "$PROGRAMS/messages.py" "${PAGE:-$ROOT/helper/tfpreload-messages.7}" "$@"
    equal "$status" 0
}

@test "tfpreload-messages(7) has every line that the programs print, and no other" {
    compare
    equal "$output" "" "differences"
}

@test "the test above finds what is not in the page" {
    cat >some.c <<'END'
    log_line(LEVEL_INFO, "generation %u: nobody has heard of " "this (%s)", number, text);
    log_line(LEVEL_DEBUG, "generation %u: nor of this one, which is for developers", number);
    /* "nor of this one, which is a comment" */
    return ready ? NULL : "it has a reason that is new";
END
    compare some.c
    equal "$(grep -c '^not in the page: ' <<<"$output")" 2 "$output"
    [[ $output == *"nobody has heard of this"*"a reason that is new"* ]] || fail "$output"
}

@test "the test above finds what is in the page and is not said any more" {
    sed '/^\.It Sy "out of memory"/i .It Sy "generation N: what PROGRAM has not said for years"' \
        "$ROOT/helper/tfpreload-messages.7" >page
    PAGE=page compare
    equal "${#lines[@]}" 1 "lines"
    [[ $output == *"nowhere in the sources: generation N: what PROGRAM has not said for years"* ]] || fail "$output"
}

@test "the lines that README and libtfpreload(7) quote are in tfpreload-messages(7)" {
    python3 - "$ROOT"/README.md "$ROOT"/preload/libtfpreload.7 "$ROOT"/helper/tfpreload-messages.7 >missing <<'END'
import re
import sys

readme, limits, page = (open(path).read() for path in sys.argv[1:])
items = re.findall(r'^\.It Sy "(.*)"$', page, flags=re.M)
limits_of_readme = readme.partition("## What it cannot do")[2].partition("\n## ")[0]
rows = re.findall(r"^\|.*\|([^|]*)\|$", limits_of_readme, flags=re.M)
quoted = [text for row in rows for text in re.findall(r"`([^`]*)`", row)] + re.findall(r"^\.Dq (.*?)(?: [,.])?$", limits, flags=re.M)
assert len(quoted) > 10, quoted
for text in quoted:
    for part in re.split(r"…|: |\b[A-Z]\b|\b[0-9]+\b", text):
        if len(part.strip(" :;")) > 8 and not any(part.strip(" :;") in item for item in items):
            print(text)
END
    equal "$(<missing)" "" "quoted, and not said"
}

@test "the documents name every file of the repository that they name rightly" {
    local document path

    for document in "$ROOT"/*.md "$ROOT"/*/README.md "$ROOT"/tests/zoo/README.md; do
        # shellcheck disable=SC2016 # the backquotes are the document's
        for path in $(grep -oE '`(\./)?(preload|helper|tests|scripts)/[A-Za-z0-9_./-]+`' "$document" | tr -d '`' | sort -u); do
            [[ -e $ROOT/$path ]] || fail "${document#"$ROOT"/} names $path, which is not there"
        done
    done
}

@test "README is short" {
    (($(wc -l <"$ROOT/README.md") <= 250)) || fail "more than 250 lines"
}

@test "the table of the zoo has each entry, and no other" {
    sed -n '/^## Results/,$p' "$ROOT/tests/zoo/README.md" | grep -E '^\| [a-z]' | grep -v '^| program |' |
        cut -d' ' -f2 | sort >rows
    (cd "$ROOT/tests/zoo" && printf '%s\n' * | grep -v '\.md$' | sort) >entries
    diff rows entries
}

# rooms_of HALF: from the bottom to the top, as scripts/rooms lists them
rooms_of() {
    sed -n '/^readonly rooms=(/,/^)/p' "$ROOT/scripts/rooms" | grep -oE "^ +$1(/[a-z]+)?\$" | tr -d ' '
}

@test "each half's page has the rooms of scripts/rooms, in their order" {
    local half

    for half in helper preload; do
        [[ -e $ROOT/$half/README.md ]] || continue
        # shellcheck disable=SC2016 # the backquotes are the document's
        diff <(rooms_of "$half") \
            <(sed -n '/^## Rooms/,/^## /p' "$ROOT/$half/README.md" | sed -nE 's/^\| `('"$half"'(\/[a-z]+)?)` \|.*/\1/p') ||
            fail "$half/README.md"
    done
}

@test "each half's page has the file of each step" {
    local file page

    for file in "$ROOT"/preload/upgrade/*.c "$ROOT"/helper/lifecycle/*.c; do
        file=${file#"$ROOT"/}
        page=${file%%/*}/README.md
        grep -qF "\`$file\`" "$ROOT/$page" || fail "$page does not name $file"
    done
}

# names_in TYPE: of this enumeration of the helper, without the one that counts them
names_in() {
    sed -n "/^enum $1 {/,/^};/p" "$ROOT"/helper/*/*.h | sed '1d;$d' | grep -oE '^ +[A-Z]+' | tr -d ' ' | sed '$d'
}

@test "the picture of a generation's life has each state of the code, and no other" {
    local word words

    words=$(sed -n '/^## The life of a generation/,/^This picture/p' "$ROOT/helper/README.md" |
        grep '^    ' | grep -oE '\b[A-Z]{4,}\b' | grep -v '^SIG' | sort -u)
    [[ -n $(names_in state) && -n $(names_in event) ]]
    for word in $(names_in state); do
        grep -qx "$word" <<<"$words" || fail "not in the picture: $word"
    done
    for word in $words; do
        { names_in state && names_in event; } | grep -qx "$word" || fail "in the picture, and no state: $word"
    done
}

@test "the glossary is short, in order, and has each word once" {
    local word

    sed -n '/^## Glossary/,/^## How/p' "$ROOT/helper/README.md" | grep '^| [a-z]' | grep -v '^| word |' |
        cut -d'|' -f2 >words
    (($(wc -l <words) <= 30)) || fail "$(wc -l <words) words"
    LC_ALL=C sort -uc words
    # what the code does not say any more needs no explanation
    while read -r word; do
        grep -rqiE --include='*.[ch]' "\b${word/%y/(y|ies)}" "$ROOT/helper" "$ROOT/preload" ||
            fail "nobody uses the word: $word"
    done <words
}

@test "the page on tests names each suite, and no other" {
    sed -n '/^Which suite?/,/^## /p' "$ROOT/tests/README.md" | grep '^| ' | grep -v '^| about ' |
        cut -d'|' -f3 | tr -d ' ' | tr ',' '\n' | sort >named
    diff named <(cd "$ROOT/tests" && printf '%s\n' *.bats | sed 's/\.bats$//' | sort)
}

# harness SERVER...: the one of tfhelper(1), run with an `ask` for the test servers
harness() {
    sed -n '/^#!\/bin\/sh$/,/^\.Ed$/p' "$ROOT/helper/tfhelper.1" | grep -v '^\.Ed' >harness.sh
    refute grep -w sleep harness.sh
    mkdir bin
    ln -s "$HELPER" bin/tfhelper
    cat >bin/ask <<END
#!/usr/bin/env bash
exec 9<>/dev/tcp/127.0.0.1/$PORT
echo "GET harness" >&9
read -rt 5 -u 9 answer
[[ \$answer == *" harness" ]]
END
    chmod +x harness.sh bin/ask
    PATH=$PWD/bin:$PATH start ./harness.sh "$@"
    wait_end
}

@test "the test harness of tfhelper(1): an upgrade that loses nothing passes" {
    harness "$TESTS/epoll-level" --port "$PORT"
    equal "$STATUS" 0
    equal "$(tail -n 1 "$OUT")" passed
    wait_retired 1
    wait_until none_marked
}

@test "the test harness of tfhelper(1): a server that has no handler for SIGTERM passes" {
    harness "$TESTS/odd" --port "$PORT"
    wait_end
    equal "$STATUS:$(tail -n 1 "$OUT")" 0:passed "status and last word"
}

@test "the test harness of tfhelper(1): an upgrade that fails does not" {
    cat >server <<END
#!/bin/sh
[ ! -e once ] || exit 3
touch once
exec "$TESTS/poll" --port $PORT
END
    chmod +x server
    harness ./server
    equal "$STATUS" 1
    has_log 'upgrade to generation 2 failed: exited with status 3'
    has_no_log passed "$OUT"
    wait_until none_marked
}

@test "the test harness of tfhelper(1): a missing answer does not" {
    cat >server <<END
#!/bin/sh
[ ! -e once ] || exec "$TESTS/poll" --port $PORT --service-time 6000
touch once
exec "$TESTS/poll" --port $PORT
END
    chmod +x server
    harness ./server
    equal "$STATUS" 1
    has_no_log passed "$OUT"
    wait_until none_marked
}

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

# harness SERVER...: README's, run with an `ask` for the test servers
harness() {
    # shellcheck disable=SC2016 # the backquotes are README's
    sed -n '/^### A test harness/,/^##/{/^```sh/,/^```$/p}' "$ROOT/README.md" | grep -v '^```' >harness.sh
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

@test "README's test harness: an upgrade that loses nothing passes" {
    harness "$TESTS/epoll-level" --port "$PORT"
    equal "$STATUS" 0
    equal "$(tail -n 1 "$OUT")" passed
    wait_retired 1
    wait_until none_marked
}

@test "README's test harness: a server that has no handler for SIGTERM passes" {
    harness "$TESTS/odd" --port "$PORT"
    wait_end
    equal "$STATUS:$(tail -n 1 "$OUT")" 0:passed "status and last word"
}

@test "README's test harness: an upgrade that fails does not" {
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

@test "README's test harness: a missing answer does not" {
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

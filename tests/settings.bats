#!/usr/bin/env bats
#
# Every setting, as an option and as a variable; README's table of them.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# The options that have a variable: "OPTION VARIABLE" a line, from --help.
settings() {
    "$HELPER" --help | awk '
        /^ +--/ { option = $1 }
        /\[TFPRELOAD_/ { gsub(/[][]/, ""); print option, $1 }'
}

# refused OPTION VALUE EXPECTED: status 2, and one line that names the option and what is expected
refused() {
    run --separate-stderr "$HELPER" "$1" "$2" -- touch started
    equal "$status" 2 "status of $1 $2"
    equal "$output" "" "stdout of $1 $2"
    [[ ${stderr_lines[0]} == "tfhelper: $1 $2: expected $3"* ]] || fail "$1 $2: $stderr"
    [[ ! -e started ]] || fail "$1 $2: the command was run"
}

# ignored VARIABLE VALUE EXPECTED: one warning, and the command runs with the default
ignored() {
    run --separate-stderr env "$1=$2" "$HELPER" -- sh -c 'echo ran; exit 3'
    equal "$status" 3 "status with $1=$2"
    equal "$output" ran "stdout with $1=$2"
    equal "${#stderr_lines[@]}" 1 "lines on stderr with $1=$2"
    [[ $stderr == "tfpreload: $1=$2 is ignored: expected $3"* ]] || fail "$1=$2: $stderr"
    # the same when the library is what starts it
    run --separate-stderr env "$1=$2" LD_PRELOAD="$LIBRARY" sh -c 'echo ran; exit 3'
    equal "$status" 3 "status with $1=$2 and the library"
    equal "${#stderr_lines[@]}" 1 "lines on stderr with $1=$2 and the library: $stderr"
}

# accepted OPTION VARIABLE VALUE: neither says a word
accepted() {
    run --separate-stderr "$HELPER" "$1" "$3" -- true
    equal "$status$stderr" 0 "$1 $3"
    run --separate-stderr env "$2=$3" "$HELPER" -- true
    equal "$status$stderr" 0 "$2=$3"
}

@test "upgrade signal: what is accepted" {
    local value

    for value in HUP SIGHUP 1 USR1 SIGUSR2 12 WINCH QUIT; do
        accepted --signal TFPRELOAD_SIGNAL "$value"
    done
}

@test "upgrade signal: what is not" {
    local value

    for value in KILL STOP TERM CHLD URG SEGV 0 -1 65 99999999999 nonsense hup "HUP " 1x; do
        refused --signal "$value" "the name of a signal"
        ignored TFPRELOAD_SIGNAL "$value" "the name of a signal"
    done
    refused --signal "" "the name of a signal"
}

@test "stop signal: what is accepted" {
    local value

    for value in TERM SIGTERM 15 QUIT INT USR1 KILL WINCH; do
        accepted --stop-signal TFPRELOAD_STOP_SIGNAL "$value"
        accepted --retire-signal TFPRELOAD_RETIRE_SIGNAL "$value"
    done
}

@test "stop signal: what is not" {
    local value

    for value in URG 0 65 nonsense term; do
        refused --stop-signal "$value" "the name of a signal"
        ignored TFPRELOAD_STOP_SIGNAL "$value" "the name of a signal"
        refused --retire-signal "$value" "the name of a signal"
    done
}

@test "timeouts: what is accepted" {
    local value

    for value in 1 60 0.5 2.25 1e3 .5; do
        accepted --ready-timeout TFPRELOAD_READY_TIMEOUT "$value"
        accepted --exit-timeout TFPRELOAD_EXIT_TIMEOUT "$value"
    done
    accepted --exit-timeout TFPRELOAD_EXIT_TIMEOUT 0
    accepted --exit-timeout TFPRELOAD_EXIT_TIMEOUT none
    accepted --stop-timeout TFPRELOAD_STOP_TIMEOUT 8
}

@test "idle connections: what is accepted, and what is not" {
    local value

    for value in close:5 close:0.5; do
        accepted --idle TFPRELOAD_IDLE "$value"
    done
    for value in close close: close:0 close:x 5 keep; do
        refused --idle "$value" "close:SECONDS"
        ignored TFPRELOAD_IDLE "$value" "close:SECONDS"
    done
}

@test "sessions over UDP: what is accepted, and what is not" {
    local value

    for value in sessions sessions:60 sessions:0.5; do
        accepted --udp TFPRELOAD_UDP "$value"
    done
    for value in session sessions: sessions:0 sessions:x 30 none; do
        refused --udp "$value" "sessions or sessions:SECONDS"
        ignored TFPRELOAD_UDP "$value" "sessions or sessions:SECONDS"
    done
}

@test "sessions over UDP, and generations that do not overlap: said, and there are none" {
    TFPRELOAD_UDP=sessions TFPRELOAD_OVERLAP=no start_server "$TESTS/poll" --port "$PORT"
    has_log '^tfpreload: TFPRELOAD_UDP \(--udp\) is ignored: with TFPRELOAD_OVERLAP=no '
    "$HELPER" status --json "$PID" >shown
    equal "$(jq -r '.settings.udp' shown)" '' 'udp in the status'
}

@test "generations: what is accepted, and what is not" {
    local value

    for value in 2 8 1000; do
        accepted --max-generations TFPRELOAD_MAX_GENERATIONS "$value"
    done
    for value in 1 0 -1 x 2x 2.5 99999999999; do
        refused --max-generations "$value" "a number of at least 2"
        ignored TFPRELOAD_MAX_GENERATIONS "$value" "a number of at least 2"
    done
}

@test "timeouts: what is not" {
    local value

    for value in -1 x 5x 5s nan inf 1e300 " "; do
        refused --ready-timeout "$value" seconds
        ignored TFPRELOAD_READY_TIMEOUT "$value" seconds
        refused --exit-timeout "$value" seconds
        ignored TFPRELOAD_EXIT_TIMEOUT "$value" seconds
    done
    refused --ready-timeout 0 "seconds greater than 0"
    ignored TFPRELOAD_READY_TIMEOUT 0 "seconds greater than 0"
    refused --ready-timeout none "seconds greater than 0"
    refused --stop-timeout 0 "seconds greater than 0"
    refused --exit-timeout "" seconds
}

@test "restart: what is accepted, and what is not" {
    local value

    for value in never on-failure always; do
        accepted --restart TFPRELOAD_RESTART "$value"
    done
    for value in yes Always on_failure 5 "always "; do
        refused --restart "$value" "never, on-failure or always"
        ignored TFPRELOAD_RESTART "$value" "never, on-failure or always"
    done
}

@test "overlap: what is accepted, and what is not" {
    local value

    for value in yes no; do
        accepted --overlap TFPRELOAD_OVERLAP "$value"
    done
    for value in never Yes 1 "no "; do
        refused --overlap "$value" "yes or no"
        ignored TFPRELOAD_OVERLAP "$value" "yes or no"
    done
}

@test "log: what is accepted, and what is not" {
    local value

    accepted --log TFPRELOAD_LOG error
    accepted --log TFPRELOAD_LOG info
    for value in warning INFO 1 deb; do
        refused --log "$value" "error, info or debug"
        ignored TFPRELOAD_LOG "$value" "error, info or debug"
    done
}

@test "alone: what is accepted, and what is not" {
    local value

    accepted --alone TFPRELOAD_ALONE yes
    accepted --alone TFPRELOAD_ALONE no
    for value in YES 1 true maybe; do
        refused --alone "$value" "yes or no"
        ignored TFPRELOAD_ALONE "$value" "yes or no"
    done
}

@test "shared files: what is accepted, and what is not" {
    local value

    accepted --shared-files TFPRELOAD_SHARED_FILES /nowhere
    accepted --shared-files TFPRELOAD_SHARED_FILES /nowhere/1:/nowhere/2
    for value in nowhere /nowhere:elsewhere /nowhere: :; do
        refused --shared-files "$value" "paths of files, with colons"
        ignored TFPRELOAD_SHARED_FILES "$value" "paths of files, with colons"
    done
}

@test "library: what is accepted, and what is not" {
    cp "$LIBRARY" elsewhere.so
    accepted --library TFPRELOAD_LIBRARY "$PWD/elsewhere.so"
    refused --library "$PWD/nowhere.so" "the path of a file"
    run --separate-stderr env TFPRELOAD_LIBRARY=/nowhere.so "$HELPER" -- sh -c 'exit 3'
    equal "$status" 3 "exit status"
    [[ $stderr == "tfpreload: TFPRELOAD_LIBRARY=/nowhere.so is ignored: expected "* ]]
}

@test "an empty variable is none" {
    local variable

    for variable in $(settings | cut -d' ' -f2); do
        run --separate-stderr env "$variable=" "$HELPER" -- true
        equal "$status$stderr" 0 "$variable="
    done
}

@test "several bad variables are a warning each" {
    run --separate-stderr env TFPRELOAD_LOG=x TFPRELOAD_SIGNAL=y TFPRELOAD_EXIT_TIMEOUT=z \
        "$HELPER" -- true
    equal "$status" 0 "exit status"
    equal "${#stderr_lines[@]}" 3 "lines on stderr"
}

@test "an option wins over its variable" {
    TFPRELOAD_LOG=error start "$HELPER" --log debug -- true
    wait_end
    has_log '^tfpreload: generation 1: started'
}

@test "usage errors" {
    local wanted

    for wanted in "--nonsense" "--log" "-x" "--signal"; do
        run --separate-stderr "$HELPER" "$wanted"
        equal "$status" 2 "status of $wanted"
        [[ $stderr == *"$wanted"* ]] || fail "$wanted: $stderr"
    done
    run --separate-stderr "$HELPER"
    equal "$status" 2 "status without arguments"
    [[ $stderr == *"command"* ]]
    run --separate-stderr "$HELPER" --
    equal "$status" 2 "status of -- alone"
}

@test "--help and --version" {
    run --separate-stderr "$HELPER" --help
    equal "$status$stderr" 0
    [[ $output == "usage: tfhelper "* ]]
    equal "$("$HELPER" -h)" "$output" "-h"
    run --separate-stderr "$HELPER" --version
    equal "$status$stderr" 0
    [[ $output =~ ^tfhelper\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    equal "$("$HELPER" -V)" "$output" "-V"
}

# ---- what they do ----

@test "TFPRELOAD_SIGNAL: another signal upgrades, and SIGHUP is the server's" {
    export TFPRELOAD_SIGNAL=USR2
    serve epoll-level --hup-handler
    kill -HUP "$PID"
    wait_for_log '^own HUP handler$' "$OUT"
    kill -USR2 "$PID"
    wait_ready 2
    wait_generation_gone 1
    kill -USR2 "$(first_pid 2)"
    wait_ready 3
    equal "$(newest_generation)" 3 "generations"
}

@test "--signal is the same as the variable" {
    start "$HELPER" --signal USR1 -- "$TESTS/epoll-level" --port "$PORT"
    wait_ready 1
    kill -USR1 "$PID"
    wait_ready 2
    serves_version "$PORT" 1
}

@test "a fraction of a second" {
    export TFPRELOAD_EXIT_TIMEOUT=0.25
    serve epoll-level
    keep "$PORT"
    ask_kept >/dev/null
    upgrade
    wait_for_log 'generation 1: draining 1 connection, for at most 250 ms'
    wait_generation_gone 1
}

@test "--library: the one that is preloaded" {
    cp "$LIBRARY" elsewhere.so
    start "$HELPER" --library "$PWD/elsewhere.so" -- "$TESTS/epoll-level" --port "$PORT"
    wait_ready 1
    grep -q "$PWD/elsewhere.so" "/proc/$(first_pid 1)/maps"
    refute grep -q "$LIBRARY" "/proc/$(first_pid 1)/maps"
    upgrade
    serves_version "$PORT" 1
}

# ---- the documentation ----

@test "README's table has each setting of --help, and no other" {
    # rows of the table: | `TFPRELOAD_X` | `--x` | …
    settings | cut -d' ' -f2 >variables
    # shellcheck disable=SC2016 # the backquotes are README's
    grep -oE '^\| `TFPRELOAD_[A-Z_]+`' "$ROOT/README.md" | grep -oE 'TFPRELOAD_[A-Z_]+' |
        sort >documented
    # the one that the library reads itself
    echo TFPRELOAD_HELPER >>variables
    diff <(sort variables) documented
    while read -r option variable; do
        grep -E "^\\| \`$variable\` \\| \`$option " "$ROOT/README.md" >/dev/null ||
            fail "README's row of $variable does not name $option"
    done < <(settings)
}

@test "README gives the defaults that --help gives" {
    local variable default

    # the one in parentheses at the end of an option's line (`default` is a word of gawk's own)
    "$HELPER" --help | awk '
        /^ +--.*\([A-Za-z0-9]+\)$/ { gsub(/.*\(|\)$/, ""); value = $0 }
        /^ +\[TFPRELOAD_/ { gsub(/[][ ]/, ""); print $0, value; value = "" }' >defaults
    [[ $(wc -l <defaults) -gt 5 ]] # or the one below compares nothing
    while read -r variable default; do
        [[ -z $default ]] || grep -qE "^\\| \`$variable\` \\| [^|]*\\| $default \\|" "$ROOT/README.md" ||
            fail "README's default of $variable is not $default"
    done <defaults
}

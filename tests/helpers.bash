# shellcheck shell=bash
#
# What every suite uses. Nothing here sleeps and hopes: each wait is for an event, has a bound,
# and says what it waited for when the bound is reached.
#
# A test starts programs in its own directory. PID is the one last started (the pid that a user
# would know), LOG its stderr, OUT its stdout, PORT a port nobody uses. Whatever a test leaves
# behind is found by TFP_TEST_ID in its environment: that fails the test, and it is killed.

bats_require_minimum_version 1.5.0

ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
BUILD=$(cd "${TFP_BUILD:-$ROOT/build}" && pwd)
TESTS=$BUILD/tests
LIBRARY=$BUILD/libtfpreload.so

# shellcheck disable=SC2034 # for the suites
HELPER=$BUILD/tfhelper PROGRAMS=$ROOT/tests/programs

# shellcheck disable=SC2034
SERVERS=(fork thread prefork poll select epoll-level epoll-edge)

# Seconds: long enough for a busy machine, since no test that passes ever waits so long.
PATIENCE=20

# at_this_load SECONDS: more of them on a busy machine, for a bound within which something has to
# go well, and after which something else has to fail
at_this_load() {
    awk -v seconds="$1" '{ printf "%d", seconds * (1 + $1 / 8) }' /proc/loadavg
}

setup() {
    prepare
}

teardown() {
    clean_up
}

prepare() {
    local variable

    for variable in "${!TFPRELOAD_@}" LD_PRELOAD; do
        [[ $variable == TFPRELOAD_TEST_MUST ]] || unset "$variable"
    done
    unset PYTHONUNBUFFERED # makes two writes of a line: those of two processes get mixed
    [[ -z ${TFP_TEST_WAY:-} ]] || export TFPRELOAD_WAY=$TFP_TEST_WAY # every suite, from outside
    export TFP_TEST_ID="tfp-$$-$BATS_TEST_NUMBER-$RANDOM$RANDOM"
    cd "$BATS_TEST_TMPDIR" || return 1
    LOG=$BATS_TEST_TMPDIR/log
    OUT=$BATS_TEST_TMPDIR/out
    touch "$LOG" "$OUT"
    PORT=$(free_port)
    STARTED=()
    KEPT_ALL=()
    PID=
    LOAD_PID=
}

# The port is below those that the kernel gives to clients.
free_port() {
    "$TESTS/free-port"
}

# ---- failing ----

# fail MESSAGE...: teardown adds the logs
fail() {
    echo "$*"
    return 1
}

show_logs() {
    local file

    for file in "$BATS_TEST_TMPDIR"/log* "$BATS_TEST_TMPDIR"/out* "$BATS_TEST_TMPDIR"/load*; do
        [[ -s $file && ! -d $file ]] || continue
        echo "--- ${file##*/}"
        tail -n 100 "$file"
    done
    [[ -z $(marked) ]] || ps -ww -o pid,ppid,stat,wchan:20,args -p "$(marked | paste -sd,)" || true
}

# equal GOT WANTED [WHAT]
equal() {
    [[ $1 == "$2" ]] || fail "${3:-value}: '${1:0:1000}', expected '${2:0:1000}'"
}

# refute COMMAND...: it must fail. (`!` alone would go unnoticed: set -e does not mind it.)
refute() {
    ! "$@" || fail "should have failed: $*"
}

# requires COMMAND...: or root. What is missing skips the test, and fails it where nothing may be.
requires() {
    local what

    for what in "$@"; do
        if [[ $what == root ]]; then
            ((EUID != 0)) || continue
        elif command -v "$what" >/dev/null; then
            continue
        fi
        [[ ${TFPRELOAD_TEST_MUST:-} != 1 ]] || fail "$what is missing, and TFPRELOAD_TEST_MUST=1"
        skip "$what is missing"
    done
}

# ---- waiting ----

# wait_until [-t SECONDS] COMMAND...: until it succeeds
wait_until() {
    local patience=$PATIENCE end what

    if [[ $1 == -t ]]; then
        patience=$2
        shift 2
    fi
    end=$((SECONDS + patience))
    until "$@" &>/dev/null; do
        if ((SECONDS > end)); then
            "$@" || true # once more, for what it says
            what="$*"
            fail "waited $patience s in vain for: ${what:0:300}"
            return 1
        fi
        sleep 0.02
    done
}

# wait_for_log PATTERN [FILE]: an extended regular expression
wait_for_log() {
    wait_until grep -Eq -e "$1" "${2:-$LOG}"
}

# count_log PATTERN [FILE]
count_log() {
    grep -Ec -e "$1" "${2:-$LOG}" || true
}

has_log() {
    grep -Eq -e "$1" "${2:-$LOG}" || fail "not in ${2:-$LOG}: $1"
}

has_no_log() {
    ! grep -E -m 5 -e "$1" "${2:-$LOG}" || fail "should not be in ${2:-$LOG}: $1"
}

wait_ready() {
    wait_for_log "^tfpreload: generation $1: ready after"
}

wait_retired() {
    wait_for_log "^tfpreload: generation $1: retired after"
}

wait_generation_gone() {
    wait_for_log "^tfpreload: generation $1: gone"
}

# A zombie is gone as well: its parent has not asked yet.
is_gone() {
    local state

    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
    [[ -z $state || $state == Z ]]
}

wait_gone() {
    local pid

    for pid in "$@"; do
        wait_until is_gone "$pid" || return 1
    done
}

# wait_end [PID]: the exit status of a process that we started, as STATUS
wait_end() {
    local pid=${1:-$PID}

    wait_gone "$pid" || return 1
    STATUS=0
    # shellcheck disable=SC2034 # for the suites
    wait "$pid" || STATUS=$?
}

# ---- processes ----

# start COMMAND...: in the background. Without `exec`, which would make a relative path absolute,
# unless there are connections that the program would inherit and keep open.
start() {
    if [[ ${#KEPT_ALL[@]} == 0 ]]; then
        "$@" >>"$OUT" 2>>"$LOG" </dev/null 3>&- &
    else
        {
            close_kept
            exec "$@"
        } >>"$OUT" 2>>"$LOG" </dev/null 3>&- &
    fi
    PID=$!
    STARTED+=("$PID")
}

# start_with_library COMMAND...: as the README says, without waiting for anything
start_with_library() {
    LD_PRELOAD=$LIBRARY start "$@"
}

# start_server COMMAND...: the same, and waits until it serves
start_server() {
    start_with_library "$@"
    wait_ready 1
}

# serve NAME [OPTION]...: one of tests/servers, which reads its version from the file `version`
# and further options from the file `options`, at each start. It ends of every error that Linux
# would not have shown it.
serve() {
    local name=$1

    shift
    [[ -e version ]] || set_version v1
    start_server "$TESTS/$name" --port "$PORT" --version-file "$PWD/version" \
        --options-file "$PWD/options" --strict "$@"
}

# serve_habit HABIT: tests/programs/habits.py says what it is
serve_habit() {
    requires python3
    [[ -e version ]] || set_version v1
    start_server python3 "$PROGRAMS/habits.py" "$1" "$PORT" version
}

set_version() {
    echo "$1" >version.new
    mv version.new version
}

set_options() {
    echo "$*" >options.new
    mv options.new options
}

# The process that was executed for generation N.
first_pid() {
    sed -nE "s/^tfpreload: generation $1: ready after .*, pid ([0-9]+)$/\\1/p" "$LOG"
}

# The pids of this test's programs. Their environment names the test, whoever their parent is.
marked() {
    local id=$TFP_TEST_ID

    (
        unset TFP_TEST_ID # or it would find itself
        grep -lzxF -e "TFP_TEST_ID=$id" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
    )
}

none_marked() {
    [[ -z $(marked) ]]
}

# The executable behind a pid.
program_of() {
    readlink "/proc/$1/exe"
}

# children PID: all of its threads' children; of the helper without the guard, which is no server's
children() {
    # shellcheck disable=SC2046 # a word a pid
    without_guard $(cat "/proc/$1/task"/*/children 2>/dev/null)
}

# without_guard PID...: those of them that are no guard
without_guard() {
    local pid

    for pid; do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) == tfp-guard ]] || printf '%s ' "$pid"
    done
}

# guard_of HELPER: the process that ends the session, should the helper be killed
guard_of() {
    local pid

    # shellcheck disable=SC2013 # a word a pid
    for pid in $(cat "/proc/$1/task"/*/children); do
        [[ $(<"/proc/$pid/comm") != tfp-guard ]] || echo "$pid"
    done
}

has_children() {
    [[ -n $(children "$1") ]]
}

# descriptors PID: "NUMBER KIND" a line; the inode of a socket or pipe is not part of its kind
descriptors() {
    local link

    for link in "/proc/$1/fd"/*; do
        echo "${link##*/} $(readlink "$link" | sed 's/:\[.*//')"
    done | sort -n
}

# steady_descriptors PID: the same, once two looks agree: a helper closes a peer's when it comes to it
steady_descriptors() {
    LAST_DESCRIPTORS=none
    wait_until has_steady_descriptors "$1" || return 1
    echo "$LAST_DESCRIPTORS"
}

has_steady_descriptors() {
    local before=$LAST_DESCRIPTORS

    LAST_DESCRIPTORS=$(descriptors "$1")
    sleep 0.1
    [[ $LAST_DESCRIPTORS == "$before" ]]
}

# sockets PID: their inodes
sockets() {
    find "/proc/$1/fd" -type l -printf '%l\n' | sed -n 's/^socket:\[\(.*\)\]$/\1/p' | sort -n
}

# helper_holds_listener: it has a copy of the server's on PORT
helper_holds_listener() {
    local inode

    inode=$(ss -Hlnte "sport = :$PORT" | sed -nE 's/.* ino:([0-9]+) .*/\1/p' | head -n 1)
    [[ -n $inode && $(sockets "$PID") == *"$inode"* ]]
}

# clean_up: every process that was started ends by its pid; a descendant that is left is an error
clean_up() {
    local pid

    [[ -z $LOAD_PID ]] || kill -KILL "$LOAD_PID" 2>/dev/null || true
    close_kept
    for pid in "${STARTED[@]}"; do
        is_gone "$pid" || kill -TERM "$pid" 2>/dev/null || true
    done
    [[ -n ${BATS_TEST_COMPLETED:-} || -n ${BATS_TEST_SKIPPED:-} ]] || show_logs
    wait_until -t $((PATIENCE / 2)) none_left >/dev/null && return 0
    [[ -z ${BATS_TEST_COMPLETED:-} ]] || show_logs
    kill_left
    return 1
}

# A child of this shell that has not executed anything yet has no mark of its own.
none_left() {
    [[ -z $(jobs -pr) && -z $(marked) ]]
}

# Names and kills what is left, and what that starts meanwhile, until two looks have found none: a
# process that executes something has no environment for a moment.
kill_left() {
    local pid round none=0

    for round in {1..50}; do
        none=$((none + 1))
        for pid in $(jobs -pr) $(marked); do
            none=0
            ((round > 1)) || echo "left behind, and killed now: $(ps -ww -o pid=,ppid=,args= -p "$pid")"
            kill -KILL "$pid" 2>/dev/null || true
        done
        ((none < 2)) || return 0
        sleep 0.05
    done
    echo "still there, though killed: $(marked | paste -sd' ')"
}

# Of all processes below the helper, those of the first generation alone are left.
only_generation_1() {
    equal "$(children "$PID")" "$(first_pid 1) " "children of the helper"
}

# ---- upgrades ----

# The highest generation that the log names.
newest_generation() {
    sed -nE 's/^tfpreload: generation ([0-9]+)[: ].*/\1/p' "$LOG" | sort -n | tail -n 1
}

# The generation that serves: the last that was ready.
current_generation() {
    sed -nE 's/^tfpreload: generation ([0-9]+): (ready|serves again) after.*/\1/p' "$LOG" | tail -n 1
}

count_ready() {
    count_log '^tfpreload: generation [0-9]+: ready after'
}

count_failed() {
    count_log '^tfpreload: generation [0-9]+: upgrade failed: '
}

has_more_outcomes_than() {
    (($(count_ready) + $(count_failed) > $1))
}

# upgrade [VERSION]: SIGHUP, then until the next generation serves, and the last one has retired
upgrade() {
    [[ $# == 0 ]] || set_version "$1"
    upgrade_by kill -HUP "$PID"
}

# upgrade_by COMMAND...: the same with another command that asks for it
upgrade_by() {
    local ready failed old

    ready=$(count_ready)
    failed=$(count_failed)
    old=$(current_generation)
    "$@" || fail "failed: $*" || return 1
    wait_until has_more_outcomes_than "$((ready + failed))" || return 1
    [[ $(count_failed) == "$failed" ]] || fail "the upgrade failed" || return 1
    wait_retired "$old"
}

# upgrade_fails PATTERN: SIGHUP, then until the upgrade has failed for this reason
upgrade_fails() {
    local next=$(($(newest_generation) + 1))

    kill -HUP "$PID"
    wait_for_log "^tfpreload: generation $next: upgrade failed: " || return 1
    has_log "^tfpreload: generation $next: upgrade failed: .*$1"
}

# ---- clients ----

# queue_has PORT COUNT: so many clients wait for accept()
queue_has() {
    equal "$(ss -Hltn "sport = :$1" | awk '{ sum += $2 } END { print sum }')" "$2" "queue"
}

# ask PORT [HOST]: one question on a connection of its own; prints "VERSION PID TOKEN"
ask() {
    local connection answer

    exec {connection}<>"/dev/tcp/${2:-127.0.0.1}/$1" || return 1
    echo "GET token" >&"$connection"
    if ! IFS= read -rt "$PATIENCE" -u "$connection" answer; then
        exec {connection}>&-
        fail "waited $PATIENCE s in vain for an answer from port $1, or was cut off" >&2
        return 1
    fi
    exec {connection}>&-
    echo "$answer"
}

refuses() {
    ! (exec 9<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null
}

# serves_version PORT VERSION [HOST]: several answers, all of this version
serves_version() {
    local answer i

    for i in 1 2 3 4 5; do
        answer=$(ask "$1" "${3:-127.0.0.1}") || fail "port $1: no answer" || return 1
        [[ $answer == "$2 "*" token" ]] ||
            fail "port $1, answer $i: '$answer', expected $2" || return 1
    done
}

# serves_who_waited VERSION: a client that comes before the file `go` is there, for which the server
# waits before it listens, is answered by that version
serves_who_waited() {
    local answer

    exec 8<>"/dev/tcp/127.0.0.1/$PORT"
    echo 'GET waited' >&8
    wait_until queue_has "$PORT" 1
    touch go
    IFS= read -rt "$PATIENCE" -u 8 answer
    exec 8>&-
    [[ $answer == "$1 "*" waited" ]]
}

# keep PORT: a connection that stays open. Its number is in KEPT, with all others in KEPT_ALL.
keep() {
    exec {KEPT}<>"/dev/tcp/127.0.0.1/$1"
    KEPT_ALL+=("$KEPT")
}

# asked TOKEN [NUMBER]: a question on it, or on the one of that number; prints the answer
asked() {
    local answer

    echo "GET $1" >&"${2:-$KEPT}"
    IFS= read -rt "$PATIENCE" -u "${2:-$KEPT}" answer ||
        fail "waited $PATIENCE s in vain for an answer to $1, or was cut off" >&2 || return 1
    echo "$answer"
}

ask_kept() {
    asked kept "$@"
}

# kept_has_ended [NUMBER]: the server closes it
kept_has_ended() {
    local status=0

    IFS= read -rt "$PATIENCE" -u "${1:-$KEPT}" || status=$?
    ((status <= 128)) || fail "waited $PATIENCE s in vain for the end of a kept connection" || return 1
    ((status != 0)) || fail "a kept connection was answered, and not closed"
}

close_kept() {
    local connection

    for connection in "${KEPT_ALL[@]}"; do
        exec {connection}>&-
    done
    KEPT_ALL=()
}

# start_load PORT [OPTION]...: returns after the first answer
start_load() {
    local port=$1

    shift
    rm -f load-ready
    mkfifo load-ready
    {
        close_kept
        exec "$TESTS/load" --port "$port" --duration 120 --json --ready-fd 9 "$@"
    } >load.json 2>load.log </dev/null 3>&- 9>load-ready &
    LOAD_PID=$!
    IFS= read -rt "$PATIENCE" <load-ready || fail "the load got no first answer"
}

# stop_load: it must have lost nothing. load_value tells more.
stop_load() {
    local status=0

    kill -TERM "$LOAD_PID"
    wait_gone "$LOAD_PID"
    wait "$LOAD_PID" || status=$?
    LOAD_PID=
    [[ $status == 0 && $(load_value failed) == 0 && $(load_value requests) -gt 0 ]] ||
        fail "the load ended with status $status: $(cat load.json)"
}

load_value() {
    sed -nE "s/.*\"$1\":\"?([^\",}]*).*/\\1/p" load.json
}

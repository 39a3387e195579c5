# shellcheck shell=bash
#
# For the suites about tfhelper's commands: one is run, and what it said is compared.

# control ARGUMENT...: tfhelper, with its stdout in `answer`, its stderr in `errors`, and STATUS
control() {
    STATUS=0
    timeout "$PATIENCE" "$HELPER" "$@" >answer 2>errors </dev/null 3>&- || STATUS=$?
}

# controls STATUS ARGUMENT...: it ends with that status
controls() {
    local wanted=$1

    shift
    control "$@"
    equal "$STATUS" "$wanted" "status of tfhelper $*, which said: $(cat answer errors)"
}

# start_control ARGUMENT...: in the background, as CONTROL
start_control() {
    : >answer
    : >errors
    {
        close_kept
        exec "$HELPER" "$@"
    } >answer 2>errors </dev/null 3>&- &
    CONTROL=$!
    STARTED+=("$CONTROL")
}

# end_control STATUS: the one in the background ends with that status
end_control() {
    wait_end "$CONTROL"
    equal "$STATUS" "$1" "status of tfhelper, which said: $(cat answer errors)"
}

# answer PATTERN: all that was said on stdout is one line, and this
answer() {
    equal "$(wc -l <answer)" 1 "lines on stdout"
    has_log "^$1\$" answer || fail "$(cat answer)"
}

no_answer() {
    equal "$(cat answer)" "" "stdout"
}

# shellcheck shell=bash
#
# For the suites about listeners: tests/programs/listeners.py listens on what a file says, and
# tests/programs/ask.py asks it.

# listen_on LINE...: what the next generation of listeners.py listens on
listen_on() {
    printf '%s\n' "$@" >listeners
}

start_listeners() {
    requires python3
    set_version v1
    listen_on "$@"
    start_server python3 "$PROGRAMS/listeners.py" version listeners
}

# listeners_of N: "LINE: inode …" of the N-th generation that bound
listeners_of() {
    awk -v n="$1" '/^generation / { seen++; next } seen == n' "$OUT"
}

# answers LINE VERSION: one question to that listener
answers() {
    local answer

    answer=$(python3 "$PROGRAMS/ask.py" "$1") || fail "$1: no answer" || return 1
    [[ $answer == "$2 "*" token" ]] || fail "$1: '$answer', expected $2"
}

# each_is_inherited LINE...: by its like, through two upgrades, and serves
each_is_inherited() {
    local line i

    start_listeners "$@"
    for i in 2 3; do
        upgrade "v$i"
        diff <(listeners_of 1) <(listeners_of "$i") || fail "not the listeners of generation 1"
        for line in "$@"; do
            answers "$line" "v$i"
        done
    done
    has_log "started, pid [0-9]+, with $# inherited listener"
    equal "$(listeners_of 1 | grep -o 'inode [0-9]*' | sort -u | wc -l)" "$#" "different sockets"
}

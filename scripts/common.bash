# What the scripts share: where things are, what they need, processes and waits with a bound.
# shellcheck disable=SC2034 # used by those who source this

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$root/build}
[[ $build = /* ]] || build=$root/$build
library=$build/libtfpreload.so
helper=$build/tfhelper
load=$build/tests/load

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# ---- what is needed ----

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root or sudo for: $*"
    fi
}

# Debian's packages start their services, unless this file says no.
readonly service_policy=/usr/sbin/policy-rc.d

# Seconds that another apt, such as Debian's daily one, may take.
readonly apt_patience=600

# apt_get ARGUMENT...: waits for apt's locks. That of dpkg has a timeout of apt's own; those of the
# lists and of the archives have none.
apt_get() {
    local end=$((SECONDS + apt_patience)) told="" output

    until output=$(as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o "DPkg::Lock::Timeout=$apt_patience" "$@" 2>&1 </dev/null); do
        if [[ $output != *"Could not get lock"* ]] || ((SECONDS >= end)); then
            printf '%s\n' "$output" >&2
            return 1
        fi
        [[ $told ]] || say "waiting for another apt: $(grep -m 1 'Could not get lock' <<<"$output")"
        told=1
        sleep 1
    done
}

apt_install() {
    local made="" status=0

    say "installing with apt: $*"
    if [[ ! -e $service_policy ]]; then
        made=1
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$service_policy" >/dev/null
        as_root chmod 755 "$service_policy"
    fi
    { apt_get update && apt_get install -y --no-install-recommends "$@"; } || status=$?
    [[ ! $made ]] || as_root rm "$service_policy"
    return "$status"
}

# need FILE=PACKAGE...: FILE is a command, or an absolute path. Nothing happens if all are there.
need() {
    local pair
    local -a missing=()

    for pair in "$@"; do
        if [[ $pair = /* ]]; then
            [[ -e ${pair%%=*} ]] || missing+=("${pair#*=}")
        else
            command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
        fi
    done
    ((${#missing[@]} == 0)) || apt_install "${missing[@]}"
}

# By the same path as by hand, since the compiler notes by it which file depends on which header.
build_all() {
    need cc=gcc make=make /usr/include/stdio.h=libc6-dev
    make -s -C "$root" -j "$(nproc)" BUILD="${BUILD:-build}" tests
}

# ---- waits: for an event, with a bound, and what was waited for when it does not come ----

# wait_until SECONDS COMMAND...: until COMMAND succeeds; looks 50 times a second.
wait_until() {
    local end=$((${EPOCHREALTIME//[.,]/} + $1 * 1000000))

    shift
    until "$@"; do
        ((${EPOCHREALTIME//[.,]/} < end)) || return 1
        sleep 0.02
    done
}

# look_for MICROSECONDS COMMAND...: as often as wait_until does, for so long, whatever COMMAND says.
# What looks has its price, too: a run that is compared with another one looks as often.
look_for() {
    local end=$((${EPOCHREALTIME//[.,]/} + $1))

    shift
    while ((${EPOCHREALTIME//[.,]/} < end)); do
        "$@" || true
        sleep 0.02
    done
}

has_line() {
    grep -aqE -- "$2" "$1"
}

# wait_for_line SECONDS FILE PATTERN
wait_for_line() {
    wait_until "$1" has_line "$2" "$3" || {
        printf '%s: %s s without a line like "%s"; the last ones:\n' "${0##*/}" "$1" "$3" >&2
        tail -n 12 "$2" >&2
        return 1
    }
}

is_gone() {
    [[ ! -e /proc/$1 ]] || grep -qs '^State:.Z' "/proc/$1/status"
}

port_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

has_content() {
    [[ -s $1 ]]
}

# ---- processes ----

# end_process PID [SECONDS]: TERM, and KILL when it is not gone in time. False if that was needed.
end_process() {
    kill -TERM "$1" 2>/dev/null || return 0
    wait_until "${2:-10}" is_gone "$1" && return
    kill -KILL "$1" 2>/dev/null || true
    wait_until 5 is_gone "$1" || true
    return 1
}

# end_strace PID: it lets go of whom it watches. A signal that comes just before it waits is lost on it;
# and where a process of several threads ends as it lets go, it waits for that for ever.
end_strace() {
    wait_until 5 interrupts "$1" || kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

interrupts() {
    kill -INT "$1" 2>/dev/null
    is_gone "$1"
}

# A TCP port in no use at all; below the ephemeral ones.
free_port() {
    local port hex

    while :; do
        port=$((RANDOM % 12000 + 20000))
        printf -v hex ':%04X ' "$port"
        grep -q "$hex" /proc/net/tcp /proc/net/tcp6 2>/dev/null || break
    done
    echo "$port"
}

# json_field NAME LINE: of the load client's report
json_field() {
    [[ $2 =~ \"$1\":\"?([^,\"}]*) ]] && echo "${BASH_REMATCH[1]}"
}

#!/usr/bin/env bats
#
# Tab completion in bash and zsh: what `tfhelper --help` names is offered, and the rest as well.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

setup() {
    prepare
    PATH=$BUILD:$PATH
}

# The shells, as offers_SHELL LINE: one word a line.
readonly SHELLS=(bash zsh)

# As readline does: the words of the line, with = as one of its own.
offers_bash() {
    # shellcheck disable=SC2016 # for that bash
    bash --norc -c '
        source "$1"
        read -ra COMP_WORDS <<<"${2//=/ = }"
        [[ $2 != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _tfhelper tfhelper "${COMP_WORDS[COMP_CWORD]}"
        ((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$ROOT/scripts/completion/tfhelper.bash" "$1"
}

offers_zsh() {
    timeout "$PATIENCE" zsh -f "$ROOT/tests/programs/complete.zsh" "$ROOT/scripts/completion" "$1" \
        "$BATS_FILE_TMPDIR/zcompdump" 3>&-
}

# for_each_shell COMMAND...: with the name of the shell as SHELL_NAME
for_each_shell() {
    requires zsh
    for SHELL_NAME in "${SHELLS[@]}"; do
        "$@" || return 1
    done
}

# offered LINE WORD...: each of them is
offered() {
    local line=$1 word got

    shift
    got=$("offers_$SHELL_NAME" "$line")
    for word in "$@"; do
        grep -qxF -e "$word" <<<"$got" ||
            fail "$SHELL_NAME: '$line' does not offer $word, but: $got" || return 1
    done
}

# offered_only LINE WORD...: and nothing else
offered_only() {
    local line=$1 got

    shift
    got=$("offers_$SHELL_NAME" "$line" | sort -u | paste -sd' ')
    equal "$got" "$(printf '%s\n' "$@" | sort -u | paste -sd' ')" "$SHELL_NAME: '$line'"
}

commands() {
    "$HELPER" --help | awk '/^Commands/ { inside = 1; next } /^$/ { inside = 0 } inside { print $1 }'
}

# options COMMAND
options() {
    "$HELPER" "$1" --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -e '--[a-z-]+'
}

every_command() {
    local command

    # shellcheck disable=SC2046 # words
    offered "tfhelper " $(commands) || return 1
    for command in $(commands); do
        offered "tfhelper ${command:0:3}" "$command" || return 1
    done
}

@test "every command" {
    [[ $(commands) == *upgrade* ]]
    for_each_shell every_command
}

every_option() {
    local command

    for command in $(commands); do
        # shellcheck disable=SC2046 # words
        offered_only "tfhelper $command --" $(options "$command") || return 1
    done
    # shellcheck disable=SC2046 # words
    offered_only "tfhelper --" $(options run)
}

@test "every option of every command, and of none" {
    for_each_shell every_option
}

every_value() {
    offered_only "tfhelper --log " error info debug || return 1
    offered_only "tfhelper --log=" error info debug || return 1
    offered_only "tfhelper --log=in" info || return 1
    offered_only "tfhelper run --ready-timeout 3 --log-format j" json || return 1
    offered_only "tfhelper run --ready " auto notify fd: delay: exec: || return 1
    offered_only "tfhelper --signal U" USR1 USR2 || return 1
    offered_only "tfhelper wait --for " ready drained gone || return 1
    offered_only "tfhelper --pidfile own-f" own-file || return 1
    offered_only "tfhelper signal U" USR1 USR2 || return 1
    offered_only "tfhelper wait --timeout "
}

@test "the values of options" {
    touch own-file
    for_each_shell every_value
}

a_command_to_run() {
    local before

    for before in "" run -- "run --" "--log info" "--log=info --signal HUP --" "-f $PWD/own-file"; do
        offered "tfhelper $before own-p" own-program || return 1
    done
    offered "tfhelper own-p" own-program || return 1
    # behind the command, nothing is ours any more
    refute offered "tfhelper own-program --lo" --log || return 1
    refute offered "tfhelper run -- own-program --lo" --log || return 1
}

@test "the command to run" {
    mkdir bin
    PATH=$PWD/bin:$PATH
    printf '#!/bin/sh\n' >bin/own-program
    chmod +x bin/own-program
    for_each_shell a_command_to_run
}

a_server_to_adopt() { # PID
    offered "tfhelper adopt " "$1" own-pidfile || return 1
    offered "tfhelper adopt --log info ${1:0:1}" "$1" || return 1
    offered_only "tfhelper adopt --log-f" --log-format || return 1
    offered "tfhelper adopt $1 own-p" own-program || return 1
    refute offered "tfhelper adopt $1 own-program --lo" --log
}

@test "a server to adopt, and the command behind it" {
    touch own-pidfile
    mkdir bin
    PATH=$PWD/bin:$PATH
    printf '#!/bin/sh\n' >bin/own-program
    chmod +x bin/own-program
    start sleep 60
    for_each_shell a_server_to_adopt "$PID"
    kill "$PID"
}

services() { # SERVICE QUESTIONER
    local command

    for command in upgrade status wait stop; do
        offered "tfhelper $command " "$1" own-pidfile || return 1
        offered_only "tfhelper $command own-" own-pidfile || return 1
    done
    offered "tfhelper signal USR1 ${1:0:1}" "$1" || return 1
    offered "tfhelper wait --for gone --timeout 3 ${1:0:1}" "$1" || return 1
    # not what only asks
    refute offered "tfhelper status " "$2" || return 1
    # options may follow
    offered_only "tfhelper upgrade $1 --dr" --drained || return 1
    # it is the service that is offered, not its processes
    refute offered "tfhelper upgrade " "$(first_pid 1)"
}

@test "the services that run" {
    local service

    touch own-pidfile
    serve poll
    service=$PID
    start "$HELPER" status --watch "$service"
    wait_until test -s "$OUT"
    for_each_shell services "$service" "$PID"
}

# shellcheck shell=bash
# bash completion for tfhelper. What there is to complete, tfhelper --help says.

# _tfhelper_commands TFHELPER: a name a line
_tfhelper_commands() {
    "$1" --help 2>/dev/null | awk '/^Commands/ { inside = 1; next } /^$/ { inside = 0 } inside { print $1 }'
}

# _tfhelper_options TFHELPER COMMAND: "--NAME" or "--NAME ARGUMENT" a line
_tfhelper_options() {
    "$1" "$2" --help 2>/dev/null | sed -nE 's/^ +(-[a-zA-Z], )?(--[a-z-]+)( [A-Z]+)?.*/\2\3/p'
}

# _tfhelper_takes_service TFHELPER COMMAND: a pid, and not a program
_tfhelper_takes_service() {
    [[ $2 != run && $("$1" "$2" --help 2>/dev/null | head -n 1) == *" PID" ]]
}

# The services that run: each is a tfhelper, and none that asks one.
_tfhelper_services() {
    local process name
    local -a arguments

    for process in /proc/[0-9]*; do
        { read -r name <"$process/comm"; } 2>/dev/null || continue
        [[ $name == tfhelper ]] || continue
        { mapfile -d '' arguments <"$process/cmdline"; } 2>/dev/null || continue
        case ${arguments[1]} in
        upgrade | status | wait | commit | rollback | signal | stop) ;;
        *) echo "${process#/proc/}" ;;
        esac
    done
}

# What may be adopted: the processes that we may look into.
_tfhelper_processes() {
    local process

    for process in /proc/[0-9]*; do
        [[ ! -r $process/environ ]] || echo "${process#/proc/}"
    done
}

_tfhelper_reply() { # WORDS CURRENT
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# _tfhelper_value OPTION CURRENT
_tfhelper_value() {
    case $1 in
    --log) _tfhelper_reply "error info debug" "$2" ;;
    --alone) _tfhelper_reply "yes no" "$2" ;;
    --way) _tfhelper_reply "auto preload trace" "$2" ;;
    --overlap) _tfhelper_reply "yes no" "$2" ;;
    --restart) _tfhelper_reply "never on-failure always" "$2" ;;
    --log-format) _tfhelper_reply "text json" "$2" ;;
    --for) _tfhelper_reply "ready drained gone" "$2" ;;
    --signal | --stop-signal | --retire-signal) _tfhelper_reply "HUP INT QUIT USR1 USR2 TERM WINCH" "$2" ;;
    --idle)
        _tfhelper_reply "close:" "$2"
        compopt -o nospace 2>/dev/null
        ;;
    --udp)
        _tfhelper_reply "sessions sessions:" "$2"
        [[ ${COMPREPLY[*]} != *: ]] || compopt -o nospace 2>/dev/null
        ;;
    --ready)
        _tfhelper_reply "auto notify fd: delay: exec:" "$2"
        [[ ${COMPREPLY[*]} != *: ]] || compopt -o nospace 2>/dev/null
        ;;
    --directory)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$2")
        ;;
    -f | --file | --library | --env-file | --pidfile | --hook | --shared-files)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        ;;
    esac
}

# The place of the first word that is no option, from place $1 on, or of the last word.
_tfhelper_first_argument() {
    local place

    for ((place = $1; place < COMP_CWORD; place++)); do
        case ${COMP_WORDS[place]} in
        --) place=$((place + 1)) && break ;;
        -f) place=$((place + 1)) ;;
        --*)
            if [[ ${COMP_WORDS[place + 1]} == "=" ]]; then
                place=$((place + 2))
            elif [[ $with_argument == *" ${COMP_WORDS[place]} "* ]]; then
                place=$((place + 1))
            fi
            ;;
        -*) ;;
        *) break ;;
        esac
    done
    echo "$place"
}

_tfhelper() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command=run from=1 named=yes commands options with_argument first

    COMPREPLY=()
    commands=$(_tfhelper_commands "$1")
    if ((COMP_CWORD > 1)) && [[ $'\n'$commands$'\n' == *$'\n'"${COMP_WORDS[1]}"$'\n'* ]]; then
        command=${COMP_WORDS[1]}
        from=2
    fi
    options=$(_tfhelper_options "$1" "$command")
    with_argument=" $(awk 'NF == 2 { printf "%s ", $1 }' <<<"$options")"
    first=$(_tfhelper_first_argument "$from")
    # the name of a signal stands in front of the service, and a pid in front of a command
    if [[ $command == adopt ]] && ((first < COMP_CWORD)); then
        named=pid
        first=$(_tfhelper_first_argument "$((first + 1))")
    elif [[ $command == adopt ]]; then
        named=no
    elif [[ $command == signal ]] && ((first < COMP_CWORD)); then
        first=$(_tfhelper_first_argument "$((first + 1))")
    elif [[ $command == signal ]]; then
        named=no
    fi

    # --option=value is three words
    if [[ $current == "=" ]]; then
        current=
    elif [[ $previous == "=" ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if ((first > COMP_CWORD)) || [[ ${COMP_WORDS[COMP_CWORD - 1]} == "=" ]]; then
        _tfhelper_value "$previous" "$current"
    elif ((first < COMP_CWORD)); then
        # behind a command it is that one's turn
        if [[ $command == run || $command == adopt ]] && declare -F _command_offset >/dev/null; then
            _command_offset "$first"
        elif [[ $command == run || $command == adopt ]]; then
            compopt -o default 2>/dev/null
        else
            _tfhelper_reply "$(awk '{ print $1 }' <<<"$options")" "$current"
        fi
    elif [[ $current == -* && $previous != -- && $named != pid ]]; then
        _tfhelper_reply "$(awk '{ print $1 }' <<<"$options")" "$current"
    elif [[ $command == adopt && $named == no ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(
            compgen -W "$(_tfhelper_processes)" -- "$current"
            compgen -f -- "$current"
        )
    elif [[ $named == no ]]; then
        _tfhelper_value --signal "$current"
    elif ! _tfhelper_takes_service "$1" "$command"; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(
            ((COMP_CWORD > 1)) || compgen -W "$commands" -- "$current"
            [[ -z $current ]] || compgen -c -- "$current"
            compgen -f -- "$current"
        )
    else
        mapfile -t COMPREPLY < <(
            compgen -W "$(_tfhelper_services)" -- "$current"
            compgen -f -- "$current"
        )
    fi
}

complete -F _tfhelper tfhelper

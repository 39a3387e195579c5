# The entries of the zoo, a file each in tests/zoo: reading them, and installing what they need.
# The keys of one are in the associative array `entry`, its files in @DATA@.
# shellcheck disable=SC2154 # what scripts/zoo has in variables: name, data, port and the like

entries=$root/tests/zoo
# packages that cannot be installed beside another one of the zoo are unpacked here
unpacked=$build/zoo

all_names() {
    local file

    for file in "$entries"/*; do
        [[ $file = *.md ]] || echo "${file##*/}"
    done
}

fill_in() {
    local text=${1//@PORT@/$port}

    text=${text//@DATA@/$data}
    text=${text//@BUILD@/$build}
    text=${text//@UNPACKED@/$unpacked/${entry[unpacked]:-}}
    echo "${text//@BACKEND@/$backend_port}"
}

# read_entry NAME: into `entry` and `prepare`; the indented lines go to files below `data`, if set
read_entry() {
    local line key value file=

    entry=([package]='' [unpacked]='' [restarts]='' [start]=preload [load]='')
    prepare=()
    while IFS= read -r line; do
        if [[ $line = '    '* && -n $file ]]; then
            [[ -z $data ]] || fill_in "${line:4}" >>"$data/$file"
            continue
        fi
        read -r key value <<<"$line"
        case $key in
        '' | '#'*) ;;
        file) file=$value ;;
        prepare) prepare+=("$value") ;;
        *) entry[$key]=$value ;;
        esac
    done <"$entries/$1"
}

program_of_entry() {
    local -a words

    read -ra words <<<"${entry[command]}"
    echo "${entry[program]:-${words[0]}}"
}

is_installed() {
    if [[ -n ${entry[unpacked]} ]]; then
        [[ -e $unpacked/${entry[unpacked]} ]]
    else
        command -v "$(program_of_entry)" >/dev/null
    fi
}

version_of_entry() {
    local version

    if [[ -n ${entry[version]:-} ]]; then
        version=$(bash -c "${entry[version]}" 2>&1 | grep -aoE '[0-9]+(\.[0-9]+)+' | head -n 1)
    elif [[ -n ${entry[unpacked]} ]]; then
        version=$(<"$unpacked/${entry[unpacked]}.version")
    else
        # shellcheck disable=SC2016 # the braces are dpkg-query's
        version=$(dpkg-query -W -f '${Version}' "${entry[package]%% *}" 2>/dev/null) || true
    fi
    version=${version#*:}
    version=${version%%[-+~]*}
    echo "${version:-?}"
}

list_entries() {
    local name data=
    local -A entry
    local -a prepare

    for name in "${names[@]}"; do
        read_entry "$name"
        printf '%-22s %s\n' "$name" "${entry[package]} ${entry[unpacked]}"
    done
}

# values_of KEY: of all entries, one word a line
values_of() {
    local name data=
    local -A entry
    local -a prepare

    for name in "${names[@]}"; do
        read_entry "$name"
        tr ' ' '\n' <<<"${entry[$1]}"
    done | sed '/^$/d' | sort -u
}

# unpack PACKAGE: for what conflicts with another package; its libraries are installed
unpack() {
    local directory

    [[ ! -e $unpacked/$1.version ]] || return 0
    directory=$(mktemp -d)
    chmod 755 "$directory"
    (cd "$directory" && apt-get download -qq "$1" 2>/dev/null) || say "cannot download $1"
    mkdir -p "$unpacked/$1"
    dpkg-deb -x "$directory"/*.deb "$unpacked/$1"
    dpkg-deb -f "$directory"/*.deb Version >"$unpacked/$1.version"
    rm -r "$directory"
}

install_packages() {
    local -a packages
    local package

    mapfile -t packages < <(values_of package)
    apt_install "${packages[@]}"
    for package in $(values_of unpacked); do
        unpack "$package"
    done
}

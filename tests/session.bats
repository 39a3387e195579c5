#!/usr/bin/env bats
#
# How a session begins: the library becomes tfhelper, which runs the program again and finds it
# anew at each upgrade.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# What a pid was called with.
arguments_of() {
    tr '\0' '|' <"/proc/$1/cmdline"
}

parent_of() {
    sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"
}

equal_arguments() {
    equal "$(arguments_of "$(first_pid "$1")")" "$2" "arguments of generation $1"
}

# start_relative COMMAND...: with the options of a test server; for programs in this directory
start_relative() {
    [[ -e version ]] || set_version v1
    start_server "$@" --port "$PORT" --version-file version
}

# ---- the pid ----

# bats test_tags=fast
@test "the pid that the user started stays, and is tfhelper's" {
    serve epoll-level
    equal "$(program_of "$PID")" "$(readlink -f "$HELPER")"
    equal "$(parent_of "$(first_pid 1)")" "$PID"
    equal "$(program_of "$(first_pid 1)")" "$(readlink -f "$TESTS/epoll-level")"
    upgrade v2
    equal "$(program_of "$PID")" "$(readlink -f "$HELPER")"
    equal "$(parent_of "$(first_pid 2)")" "$PID"
}

@test "tfhelper can be used directly" {
    set_version v1
    start "$HELPER" -- "$TESTS/poll" --port "$PORT" --version-file "$PWD/version"
    wait_ready 1
    equal "$(program_of "$PID")" "$(readlink -f "$HELPER")"
    start_load "$PORT" --clients 2
    upgrade v2
    serves_version "$PORT" v2
    stop_load
    grep -zqxF "LD_PRELOAD=$LIBRARY" "/proc/$(first_pid 2)/environ"
}

@test "tfhelper needs no -- before the command, and leaves the command's options alone" {
    start "$HELPER" --log debug "$TESTS/select" --port "$PORT" --version v7
    wait_ready 1
    serves_version "$PORT" v7
}

# ---- how the program is found ----

@test "a program found by PATH" {
    set_version v1
    PATH=$TESTS:$PATH start_server epoll-level --port "$PORT" --version-file version
    equal_arguments 1 "epoll-level|--port|$PORT|--version-file|version|"
    upgrade v2
    equal_arguments 2 "epoll-level|--port|$PORT|--version-file|version|"
    serves_version "$PORT" v2
}

@test "tfhelper finds a program by PATH, too" {
    set_version v1
    PATH=$TESTS:$PATH start "$HELPER" -- epoll-level --port "$PORT" --version-file version
    wait_ready 1
    upgrade v2
    serves_version "$PORT" v2
}

@test "a program found by PATH that is installed elsewhere meanwhile" {
    mkdir one two
    cp "$TESTS/poll" one/the-server
    PATH=$PWD/two:$PWD/one:$PATH start "$HELPER" -- the-server --port "$PORT"
    wait_ready 1
    cp "$TESTS/epoll-level" two/the-server
    upgrade
    equal "$(program_of "$(first_pid 2)")" "$PWD/two/the-server"
}

@test "a relative path" {
    mkdir bin
    cp "$TESTS/poll" bin/server
    start_relative bin/server
    equal_arguments 1 "bin/server|--port|$PORT|--version-file|version|"
    upgrade v2
    equal_arguments 2 "bin/server|--port|$PORT|--version-file|version|"
    equal "$(program_of "$(first_pid 2)")" "$PWD/bin/server"
}

@test "a symlink that is switched: the new target runs" {
    mkdir releases releases/1 releases/2
    cp "$TESTS/poll" releases/1/server
    cp "$TESTS/poll" releases/2/server
    ln -s releases/1/server server
    start_relative ./server
    equal "$(program_of "$(first_pid 1)")" "$PWD/releases/1/server"
    ln -sfn releases/2/server server
    upgrade v2
    equal "$(program_of "$(first_pid 2)")" "$PWD/releases/2/server"
    serves_version "$PORT" v2
}

@test "a symlink to a directory that is switched: the new target runs" {
    mkdir releases releases/1 releases/2
    cp "$TESTS/poll" releases/1/server
    cp "$TESTS/epoll-level" releases/2/server
    ln -s releases/1 current
    start_relative "$PWD/current/server"
    ln -sfn releases/2 current
    upgrade v2
    equal "$(program_of "$(first_pid 2)")" "$PWD/releases/2/server"
}

@test "a symlink switched by tfhelper's own command: the new target runs" {
    mkdir releases releases/1 releases/2
    cp "$TESTS/poll" releases/1/server
    cp "$TESTS/poll" releases/2/server
    ln -s releases/1/server server
    start "$HELPER" -- ./server --port "$PORT"
    wait_ready 1
    ln -sfn releases/2/server server
    upgrade
    equal "$(program_of "$(first_pid 2)")" "$PWD/releases/2/server"
}

@test "a binary that is replaced on disk" {
    cp "$TESTS/poll" server
    start_relative ./server
    cp "$TESTS/epoll-level" server.new
    mv server.new server
    equal "$(program_of "$(first_pid 1)")" "$PWD/server (deleted)"
    upgrade v2
    equal "$(program_of "$(first_pid 2)")" "$PWD/server"
    cmp "/proc/$(first_pid 2)/exe" "$TESTS/epoll-level"
    # and the same once more: nothing of the first start is needed any longer
    cp "$TESTS/poll" server.new
    mv server.new server
    upgrade v3
    cmp "/proc/$(first_pid 3)/exe" "$TESTS/poll"
}

@test "the library and tfhelper themselves replaced on disk" {
    cp "$LIBRARY" "$HELPER" .
    LIBRARY=$PWD/libtfpreload.so
    serve poll
    equal "$(program_of "$PID")" "$PWD/tfhelper"
    cp "$BUILD/libtfpreload.so" "$BUILD/tfhelper" "$BATS_RUN_TMPDIR"
    mv "$BATS_RUN_TMPDIR/libtfpreload.so" "$BATS_RUN_TMPDIR/tfhelper" .
    equal "$(program_of "$PID")" "$PWD/tfhelper (deleted)"
    upgrade v2
    serves_version "$PORT" v2
}

# ---- scripts ----

@test "a #! script with interpreter arguments" {
    sed '1s|.*|#!/usr/bin/python3 -u|' "$PROGRAMS/http_server.py" >server.py
    chmod +x server.py
    set_version v1
    start_server ./server.py "$PORT" version
    equal_arguments 1 "/usr/bin/python3|-u|./server.py|$PORT|version|"
    start_load "$PORT" --clients 2 --protocol http --expect v
    upgrade v2
    equal_arguments 2 "/usr/bin/python3|-u|./server.py|$PORT|version|"
    stop_load
    start_load "$PORT" --clients 1 --protocol http --expect v2
    stop_load
}

@test "a #!/usr/bin/env script, found by PATH" {
    sed '1s|.*|#!/usr/bin/env python3|' "$PROGRAMS/http_server.py" >the-server
    chmod +x the-server
    set_version v1
    PATH=$PWD:$PATH start_server the-server "$PORT" version
    upgrade v2
    start_load "$PORT" --clients 1 --protocol http --expect v2
    stop_load
}

@test "a script that is replaced: the new text runs" {
    sed '1s|.*|#!/usr/bin/python3|' "$PROGRAMS/http_server.py" >server.py
    chmod +x server.py
    set_version v1
    start_server ./server.py "$PORT" version
    sed 's/{self.version}/another-&/' server.py >server.new
    chmod +x server.new
    mv server.new server.py
    upgrade v2
    start_load "$PORT" --clients 1 --protocol http --expect another-v2
    stop_load
}

@test "a #! script given to tfhelper" {
    sed '1s|.*|#!/usr/bin/python3 -u|' "$PROGRAMS/http_server.py" >server.py
    chmod +x server.py
    set_version v1
    start "$HELPER" -- ./server.py "$PORT" version
    wait_ready 1
    upgrade v2
    equal_arguments 2 "/usr/bin/python3|-u|./server.py|$PORT|version|"
}

# ---- arguments ----

@test "arguments with spaces, newlines and quotes, empty and very long ones" {
    local arguments long

    long=$(printf '%030000d' 7)
    arguments=("a b" $'c\nd' "" "'\"\\" "--" "-x" $'\xff\xfe' "" "$long")
    "$TESTS/show-start" "${arguments[@]}" | grep ^argument >plain
    LD_PRELOAD=$LIBRARY "$TESTS/show-start" "${arguments[@]}" | grep ^argument >shimmed
    diff plain shimmed
    "$HELPER" -- "$TESTS/show-start" "${arguments[@]}" | grep ^argument >direct
    diff plain direct
}

@test "the same arguments after an upgrade" {
    set_version v1
    start_server python3 "$PROGRAMS/http_server.py" "$PORT" version "a b" $'c\nd' "" "--" ""
    cp "/proc/$(first_pid 1)/cmdline" first
    upgrade v2
    cmp first "/proc/$(first_pid 2)/cmdline"
}

@test "an argv[0] that is not the path" {
    (exec -a 'my name' env true) # bash can do it
    LD_PRELOAD=$LIBRARY bash -c 'exec -a "my name" "$0" x' "$TESTS/show-start" >shimmed
    grep -qx 'argument my name' shimmed
    grep -qx "program $(readlink -f "$TESTS/show-start")" shimmed
}

# ---- other libraries ----

@test "LD_PRELOAD with other libraries is seen as it was given" {
    local given number=0

    for given in "libm.so.6:$LIBRARY" "$LIBRARY:libm.so.6" "libm.so.6 $LIBRARY libdl.so.2"; do
        number=$((number + 1))
        LOG=$BATS_TEST_TMPDIR/log-$number
        PORT=$(free_port)
        set_version v1
        LD_PRELOAD=$given start "$TESTS/epoll-level" --port "$PORT" --version-file version
        wait_ready 1
        grep -zqxF "LD_PRELOAD=$given" "/proc/$(first_pid 1)/environ" || fail "LD_PRELOAD=$given"
        upgrade v2
        grep -zqxF "LD_PRELOAD=$given" "/proc/$(first_pid 2)/environ" || fail "LD_PRELOAD=$given"
        grep -q /libm "/proc/$(first_pid 2)/maps"
        kill -TERM "$PID"
        wait_end
    done
}

@test "LD_PRELOAD twice in the environment is seen as it was given" {
    local long

    long=$LIBRARY$(printf ':%.0s' {1..50000}) # more than the first has room for
    set_version v1
    start python3 "$PROGRAMS/preload_twice.py" "$LIBRARY" "$long" \
        "$TESTS/epoll-level" --port "$PORT" --version-file version
    wait_ready 1
    upgrade v2
    tr '\0' '\n' <"/proc/$(first_pid 2)/environ" | grep '^LD_PRELOAD=' >seen
    equal "$(<seen)" "LD_PRELOAD=$LIBRARY"$'\n'"LD_PRELOAD=$long"
    refute grep -zq ^LD_PRELOAD= "/proc/$PID/environ"
}

@test "a library found by LD_LIBRARY_PATH" {
    LD_LIBRARY_PATH=$BUILD LD_PRELOAD=libtfpreload.so start "$TESTS/poll" --port "$PORT"
    wait_ready 1
    upgrade
    serves_version "$PORT" 1
}

@test "tfhelper keeps the libraries that were to be preloaded anyway" {
    LD_PRELOAD=libm.so.6 start "$HELPER" -- "$TESTS/poll" --port "$PORT"
    wait_ready 1
    grep -zqxF "LD_PRELOAD=$LIBRARY:libm.so.6" "/proc/$(first_pid 1)/environ"
    upgrade
    serves_version "$PORT" 1
}

# ---- something else around the server ----

# The server may be below the first process, whose death it would survive: without us, too.
stop_below() {
    pkill -TERM -P "$(first_pid "$(current_generation)")" || kill -TERM "$PID"
    wait_end
}

@test "sh -c" {
    set_version v1
    start_server sh -c "'$TESTS/epoll-level' --port $PORT --version-file version"
    start_load "$PORT" --clients 2
    upgrade v2
    serves_version "$PORT" v2
    wait_generation_gone 1
    stop_load
    stop_below
}

@test "sh -c, with the server as a child of the shell" {
    set_version v1
    start_server sh -c "'$TESTS/epoll-level' --port $PORT --version-file version; exit 7"
    start_load "$PORT" --clients 2
    upgrade v2
    serves_version "$PORT" v2
    wait_generation_gone 1
    upgrade v3
    wait_generation_gone 2
    stop_load
    stop_below
    equal "$STATUS" 7 "exit status"
}

@test "env" {
    set_version v1
    LD_PRELOAD=$LIBRARY start env ADDED="by env" "$TESTS/epoll-level" --port "$PORT" \
        --version-file version
    wait_ready 1
    upgrade v2
    serves_version "$PORT" v2
    grep -zqx 'ADDED=by env' "/proc/$(first_pid 2)/environ"
}

@test "a shell script that starts the server as a child" {
    cat >run <<END
#!/bin/sh
trap 'kill "\$server"' TERM
"$TESTS/epoll-level" --port $PORT --version-file version &
server=\$!
wait "\$server"
END
    chmod +x run
    set_version v1
    start_server ./run
    start_load "$PORT" --clients 2
    upgrade v2
    serves_version "$PORT" v2
    wait_generation_gone 1
    stop_load
}

@test "a process of the session that is no server is left alone" {
    cat >run <<END
#!/bin/sh
sleep 1000 &
echo "sleep \$!"
trap 'kill "\$!" "\$server"' TERM
"$TESTS/poll" --port $PORT &
server=\$!
wait "\$server"
END
    chmod +x run
    start_server ./run
    wait_for_log '^sleep' "$OUT"
    # it catches no signal of ours
    equal "$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$(sed -n 's/^sleep //p' "$OUT")/status")" \
        0000000000000000 "caught signals"
    upgrade
    pkill sleep -P "$(first_pid 2)" || true
}

#!/usr/bin/env bats
#
# What packagers do: make install, uninstall, dist and deb; servers are upgraded by what came out.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # every test is a subshell; variables of the helpers and of bats

load helpers

# Built once; each test has a copy, in which only what depends on its variables is built again.
setup_file() {
    requires make cc
    make -s -C "$ROOT" BUILD="$BATS_FILE_TMPDIR/built" >&2
}

setup() {
    prepare
}

# in_source TARGET [VARIABLE=VALUE]...: make, with a build directory of this test's own
in_source() {
    [[ -e built ]] || cp -a "$BATS_FILE_TMPDIR/built" .
    make -s -C "$ROOT" BUILD="$PWD/built" "$@"
}

# files_in DIRECTORY: what is no directory, a line each
files_in() {
    (cd "$1" && find . ! -type d | sort)
}

# upgrades_by HELPER LIBRARY: servers that are started by either are upgraded with both
upgrades_by() {
    : >"$LOG"
    start "$1" -- "$TESTS/poll" --port "$PORT"
    serves_with "$1" "$2" || return 1
    : >"$LOG"
    LIBRARY=$2 start_with_library "$TESTS/poll" --port "$PORT"
    serves_with "$1" "$2"
}

serves_with() {
    wait_ready 1 || return 1
    equal "$(program_of "$PID")" "$1" "the helper" || return 1
    upgrade || return 1
    grep -qF "$2" "/proc/$(first_pid 2)/maps" || fail "$2 is not loaded" || return 1
    has_no_log 'running without upgrades' || return 1
    kill -TERM "$PID"
    wait_end
}

version() {
    "$HELPER" --version | cut -d' ' -f2
}

# ---- make install ----

@test "make install: what is where by default" {
    in_source install DESTDIR="$PWD/root"
    diff - <(files_in root) <<'END'
./usr/local/bin/tfhelper
./usr/local/lib/libtfpreload.so
./usr/local/libexec/tfhelper
./usr/local/share/bash-completion/completions/tfhelper
./usr/local/share/man/man1/tfhelper.1
./usr/local/share/man/man7/libtfpreload.7
./usr/local/share/man/man7/tfpreload-messages.7
./usr/local/share/zsh/site-functions/_tfhelper
END
    equal "$(readlink root/usr/local/libexec/tfhelper)" ../bin/tfhelper
    equal "$(find root/usr/local/share -type f ! -perm 644)" "" "data that is not 0644"
}

@test "make install: each directory can be chosen" {
    in_source install DESTDIR="$PWD/root" PREFIX=/p BINDIR=/a/bin LIBDIR=/b/lib/x LIBEXECDIR=/c \
        MANDIR=/d BASHCOMPDIR=/e ZSHCOMPDIR=/f
    diff - <(files_in root) <<'END'
./a/bin/tfhelper
./b/lib/x/libtfpreload.so
./c/tfhelper
./d/man1/tfhelper.1
./d/man7/libtfpreload.7
./d/man7/tfpreload-messages.7
./e/tfhelper
./f/_tfhelper
END
    upgrades_by "$PWD/root/a/bin/tfhelper" "$PWD/root/b/lib/x/libtfpreload.so"
}

@test "what is installed upgrades, below DESTDIR as well as when it has been moved" {
    in_source install DESTDIR="$PWD/root" PREFIX=/usr LIBDIR=/usr/lib/a-b-c
    upgrades_by "$PWD/root/usr/bin/tfhelper" "$PWD/root/usr/lib/a-b-c/libtfpreload.so"
    mv root/usr elsewhere
    upgrades_by "$PWD/elsewhere/bin/tfhelper" "$PWD/elsewhere/lib/a-b-c/libtfpreload.so"
}

@test "tfhelper alone finds the library where it was installed" {
    in_source install PREFIX="$PWD/prefix" LDCONFIG=:
    mkdir alone
    cp prefix/bin/tfhelper alone
    start alone/tfhelper -- "$TESTS/poll" --port "$PORT"
    serves_with "$PWD/alone/tfhelper" "$PWD/prefix/lib/libtfpreload.so"
}

@test "tfhelper says where it has looked for a library that is nowhere" {
    in_source install PREFIX="$PWD/prefix" LDCONFIG=:
    rm prefix/lib/libtfpreload.so
    run --separate-stderr prefix/bin/tfhelper -- sh -c 'exit 3'
    equal "$status" 3 "exit status"
    [[ $stderr == "tfpreload: libtfpreload.so is neither beside tfhelper nor in $PWD/prefix/lib: "* ]]
}

@test "BINDIR and LIBEXECDIR may be the same" {
    in_source install PREFIX="$PWD/prefix" LIBEXECDIR="$PWD/prefix/bin" LDCONFIG=:
    [[ -f prefix/bin/tfhelper && ! -L prefix/bin/tfhelper ]]
    upgrades_by "$PWD/prefix/bin/tfhelper" "$PWD/prefix/lib/libtfpreload.so"
    in_source uninstall PREFIX="$PWD/prefix" LIBEXECDIR="$PWD/prefix/bin"
    equal "$(files_in prefix)" ""
}

@test "a place that is only named at make install is compiled in" {
    in_source all
    in_source install PREFIX="$PWD/prefix" LDCONFIG=:
    grep -qF "$PWD/prefix/libexec" prefix/lib/libtfpreload.so
    grep -qF "$PWD/prefix/lib" prefix/bin/tfhelper
}

@test "make install under a server that runs: it is upgraded with the new files" {
    local before

    in_source install PREFIX="$PWD/prefix" LDCONFIG=:
    LIBRARY=$PWD/prefix/lib/libtfpreload.so start_server "$TESTS/poll" --port "$PORT"
    before=$(stat -c %i prefix/lib/libtfpreload.so)
    in_source install PREFIX="$PWD/prefix" LDCONFIG=:
    [[ $(stat -c %i prefix/lib/libtfpreload.so) != "$before" ]] || fail "written in place"
    upgrade
    serves_version "$PORT" 1
    equal "$(find prefix -name '*.new')" "" "left over"
}

@test "make uninstall leaves nothing of ours, and everything else" {
    mkdir -p root/usr/local/bin
    touch root/usr/local/bin/other
    in_source install DESTDIR="$PWD/root"
    in_source uninstall DESTDIR="$PWD/root"
    equal "$(files_in root)" ./usr/local/bin/other
}

# ---- make ----

# builds [VARIABLE=VALUE]...: all of it, from nothing
builds() {
    rm -rf built
    mkdir built
    in_source all "$@" 2>&1 || fail "make $*"
    equal "$(built/tfhelper --version)" "$("$HELPER" --version)" "with $*"
    # a program of another libc has none of these
    equal "$(nm -D built/libtfpreload.so | grep -E ' U .*_chk@' | grep -v __stack_chk_fail)" "" \
        "what the library needs of glibc alone, with $*"
    equal "$(objdump -T built/libtfpreload.so built/tfhelper | grep -oE 'GLIBC_2\.(1[89]|[2-9][0-9]).*')" \
        "" "what is asked of a newer glibc, with $*"
}

# bats test_tags=slow
@test "flags of packagers: other levels of _FORTIFY_SOURCE, LTO, no optimization" {
    builds CPPFLAGS=-D_FORTIFY_SOURCE=1 CFLAGS="-g -O2 -flto"
    builds CFLAGS="-O1 -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=1" LDFLAGS="-Wl,-z,relro"
    builds CFLAGS=-O0
}

# bats test_tags=slow
@test "flags of packagers: those of dpkg" {
    requires dpkg-buildflags
    eval "$(dpkg-buildflags --export=sh)"
    builds
}

@test "flags of packagers leave ours in place, and are used" {
    make -n -C "$ROOT" BUILD="$PWD/built" V= CPPFLAGS=-DTHEIRS CFLAGS="-O3 -g" LDFLAGS=-Wl,-O1 \
        >commands
    equal "$(grep -E ' -c ' commands | grep -vEc -e '-D_GNU_SOURCE.* -DTHEIRS -O3 -g')" 0 \
        "compilations without one of them"
    equal "$(grep -Ec -e ' -Wl,-O1 .*-z,relro' commands)" 2 "links with both"
}

# ---- make dist ----

# A release is made from what is committed.
requires_history() {
    requires git gzip
    [[ -e $ROOT/.git ]] || skip "this is no clone"
}

@test "make dist: the same file twice, with what a build needs" {
    local name

    requires_history
    name=tfpreload-$(version)
    in_source dist
    sha256sum "built/$name.tar.gz" >first
    touch "built/$name.tar.gz"
    (umask 077 && in_source dist)
    sha256sum --check --quiet first
    tar -tf "built/$name.tar.gz" >contents
    equal "$(grep -vc "^$name/" contents)" 0 "files outside of $name"
    tar -xf "built/$name.tar.gz"
    make -s -C "$name" install DESTDIR="$PWD/root"
    upgrades_by "$PWD/root/usr/local/bin/tfhelper" "$PWD/root/usr/local/lib/libtfpreload.so"
}

@test "the version is the same everywhere" {
    local version

    version=$(version)
    grep -qE "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}\$" "$ROOT/CHANGELOG.md"
    equal "$(sed -nE '1s/^tfpreload \((.*)-[0-9]+\) .*/\1/p' "$ROOT/scripts/debian/changelog")" \
        "$version" "scripts/debian/changelog"
    grep -qx "Version: *$version" "$ROOT/scripts/rpm/tfpreload.spec"
    grep -qx "pkgver=$version" "$ROOT/scripts/alpine/APKBUILD"
}

# ---- make deb ----

@test "make deb: a line for each tool that is missing, before anything is done" {
    local tool

    requires git g++
    in_source all
    mkdir bin
    for tool in make sh rm cp mkdir cmp mv uname find sed echo cat git g++ cc; do
        ln -s "$(command -v "$tool")" bin/
    done
    PATH=$PWD/bin refute in_source deb >out.deb 2>log.deb
    equal "$(grep '^make deb needs' log.deb)" "make deb needs gzip: apt-get install gzip
make deb needs dpkg-buildpackage: apt-get install dpkg-dev
make deb needs dh: apt-get install debhelper" "what is missing"
    [[ ! -e built/deb && ! -e built/tfpreload-$(version).tar.gz ]]
}

# hashes_of DIRECTORY: of the packages that are there
hashes_of() {
    (cd "$1" && sha256sum -- *.deb)
}

@test "make deb: packages without lintian's errors, that upgrade a server, and the same each time" {
    local debs triplet version

    requires_history
    requires dpkg-buildpackage dh lintian python3
    in_source deb >log.deb 2>&1 || fail "make deb: $(tail -n 20 log.deb)"
    # what is ours to decide is not even a warning
    run lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs \
        built/deb/*.changes
    equal "$status" 0 "lintian: $output"

    version=$(version)
    triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
    debs=$(echo built/deb/{tfpreload,libtfpreload}_"$version"-1_*.deb)
    for deb in $debs; do
        dpkg-deb -x "$deb" root
        equal "$(dpkg-deb -f "$deb" Version)" "$version-1" "version"
    done
    diff - <(files_in root | grep -v '^./usr/share/doc/') <<END
./usr/bin/tfhelper
./usr/lib/$triplet/libtfpreload.so
./usr/libexec/tfhelper
./usr/share/bash-completion/completions/tfhelper
./usr/share/lintian/overrides/libtfpreload
./usr/share/man/man1/tfhelper.1.gz
./usr/share/man/man7/libtfpreload.7.gz
./usr/share/man/man7/tfpreload-messages.7.gz
./usr/share/zsh/vendor-completions/_tfhelper
END
    diff - <(files_in root | grep '^./usr/share/doc/') <<END
./usr/share/doc/libtfpreload/changelog.Debian.gz
./usr/share/doc/libtfpreload/changelog.gz
./usr/share/doc/libtfpreload/copyright
./usr/share/doc/tfpreload/README.md.gz
./usr/share/doc/tfpreload/changelog.Debian.gz
./usr/share/doc/tfpreload/changelog.gz
./usr/share/doc/tfpreload/copyright
END
    upgrades_by "$PWD/root/usr/bin/tfhelper" "$PWD/root/usr/lib/$triplet/libtfpreload.so"
    # the package's own test, which names the library without a path
    PATH=$PWD/root/usr/bin:$PATH LD_LIBRARY_PATH=$PWD/root/usr/lib/$triplet \
        "$ROOT/scripts/debian/tests/upgrade"

    hashes_of built/deb >hashes
    mkdir -p a/longer/name
    (umask 077 && TZ=Pacific/Auckland make -s -C "$ROOT" BUILD="$PWD/a/longer/name" deb) >log.deb 2>&1 ||
        fail "make deb, again: $(tail -n 20 log.deb)"
    diff hashes <(hashes_of a/longer/name/deb)
}

@test "libraries of several architectures can be installed beside each other" {
    local part

    # one tfhelper serves all of them; each has a directory of its own
    part=$(sed -n '/^Package: libtfpreload$/,/^$/p' "$ROOT/scripts/debian/control")
    grep -qx 'Multi-Arch: same' <<<"$part"
    part=$(sed -n '/^Package: tfpreload$/,/^$/p' "$ROOT/scripts/debian/control")
    grep -qx 'Multi-Arch: foreign' <<<"$part"
    refute grep -vE '^usr/lib/\*/|^usr/share/man/' "$ROOT/scripts/debian/libtfpreload.install"
}

# ---- other packages ----

# bats test_tags=slow
@test "the RPM: rpmbuild makes packages of both, and their files upgrade a server" {
    local rpm version

    requires_history
    requires rpmbuild rpm2cpio cpio
    version=$(version)
    in_source dist
    mkdir top
    # Debian's rpm knows none of what is installed by other means
    rpmbuild -bb --nodeps --define "_topdir $PWD/top" --define "_sourcedir $PWD/built" \
        --define "debug_package %{nil}" "$ROOT/scripts/rpm/tfpreload.spec" >log.rpm 2>&1 ||
        fail "rpmbuild: $(tail -n 20 log.rpm)"
    equal "$(find top/RPMS -name "*tfpreload-$version-1*.rpm" | wc -l)" 2 "packages"
    mkdir root
    for rpm in top/RPMS/*/*.rpm; do
        rpm2cpio "$PWD/$rpm" | (cd root && cpio -id --quiet)
    done
    upgrades_by "$(find "$PWD/root/usr/bin" -name tfhelper)" \
        "$(find "$PWD/root/usr" -name libtfpreload.so)"
}

# abuild runs these functions in the unpacked source; what it does beside that only Alpine can show.
# bats test_tags=slow
@test "the APKBUILD: its functions build with musl, and install" {
    local version

    requires_history
    requires musl-gcc
    version=$(version)
    in_source dist
    tar -xf "built/tfpreload-$version.tar.gz"
    (
        cd "tfpreload-$version"
        cc="musl-gcc -idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
        # shellcheck disable=SC2016 # for the other shell
        CC=$cc pkgdir=$BATS_TEST_TMPDIR/root sh -euc \
            '. "$1"; build; package' sh "$ROOT/scripts/alpine/APKBUILD" >"$BATS_TEST_TMPDIR/log.apk" 2>&1
    ) || fail "$(tail -n 20 log.apk)"
    grep -q "^pkgver=$version\$" "$ROOT/scripts/alpine/APKBUILD"
    readelf -dW root/usr/lib/libtfpreload.so >needed
    refute grep 'libc.so.6' needed
    equal "$(root/usr/bin/tfhelper --version)" "tfhelper $version" "version"
}

# ---- builds ----

# bats test_tags=slow
@test "two builds in different directories, at different times, are the same" {
    local directory name

    requires_history
    requires git gzip
    name=tfpreload-$(version)
    in_source dist
    for directory in one a/longer/name; do
        mkdir -p "$directory"
        tar -C "$directory" -xf "built/$name.tar.gz"
        find "$directory" -exec touch -d "@$((RANDOM * 10000))" {} +
        TZ=Pacific/Auckland make -s -C "$directory/$name" LDCONFIG=: DESTDIR="$PWD/$directory/root" install
    done
    diff <(cd one/root && find . -type f -exec sha256sum {} + | sort) \
        <(cd a/longer/name/root && find . -type f -exec sha256sum {} + | sort)
}

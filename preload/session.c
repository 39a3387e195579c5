/*
 * The constructor. Outside a session it becomes tfhelper (same pid), which runs
 * the program again inside one; inside, it notes which session and generation
 * this is. Whatever goes wrong costs the upgrades, never the server.
 *
 * It runs before any other library is initialised (-z initfirst), libc among
 * them: environ is not set yet in glibc, so the arguments that constructors are
 * given are used, and memory comes from mmap().
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "clock.h"
#include "given.h"
#include "kernel.h"
#include "process.h"
#include "procfs.h"
#include "real.h"
#include "signals.h"

static const char *variable(char **environment, const char *name)
{
    size_t length = strlen(name);

    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

/*
 * One line on stderr, which is still the one that the operator gave to the
 * server. `error`: an errno, or 0 where `what` and `about` say it all.
 */
static void complain(const char *what, const char *about, int error)
{
    char line[PATH_MAX + 256];
    int length = snprintf(line, sizeof line, "tfpreload: %s %s%s%s; running without upgrades\n",
                          what, about, error ? ": " : "", error ? strerror(error) : "");

    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) == -1)
        return;
}

/* The number before the next slash, or the end; -1 for anything else. */
static long session_field(const char **text)
{
    const char *start = *text;
    long value = (long)parse_number(text, 10);

    if (*text == start || *start == ' ' || (**text != '/' && **text != '\0'))
        return -1;
    *text += **text == '/';
    return value;
}

/*
 * SESSION_FORMAT, read without sscanf(): glibc before 2.32 has not set up its
 * character classes yet. A value of another shape is another version's.
 */
static bool parse_session(const char *text)
{
    long generation;
    long helper;
    long upgrade_signal;

    if (session_field(&text) != PROTOCOL_VERSION ||
        strspn(text, "0123456789abcdef") != SESSION_NAME_LENGTH || text[SESSION_NAME_LENGTH] != '/')
        return false;
    memcpy(session.name, text, SESSION_NAME_LENGTH);
    text += SESSION_NAME_LENGTH + 1;
    generation = session_field(&text);
    helper = session_field(&text);
    upgrade_signal = session_field(&text);
    if (generation < 1 || helper < 1 || upgrade_signal < 1 || upgrade_signal >= NSIG || *text)
        return false;
    session.generation = (unsigned)generation;
    session.helper = (pid_t)helper;
    session.upgrade_signal = (int)upgrade_signal;
    return true;
}

static void join_session(const char *text, char **environment)
{
    int dies_with_parent = 0;
    bool activated;

    if (!parse_session(text)) {
        complain("cannot understand", SESSION_VARIABLE, EPROTO);
        return;
    }
    if (create_own_state() == -1) {
        complain("cannot map", "a page", errno);
        return;
    }
    /* the helper has its own child die with it; no fork inherits that: prctl(2) */
    if (prctl(PR_GET_PDEATHSIG, &dies_with_parent) == 0 && dies_with_parent == SIGKILL)
        session.first = kernel_getpid();
    /* the first generation: what a service manager has opened for it, sd_listen_fds(3) */
    activated = variable(environment, "LISTEN_FDS") != NULL;
    session.inherits = session.generation > 1 || activated;
    session.active = true;
    unblock_order_signal();
    /* a listener may have come through exec, or be passed to us */
    atomic_store(&attention, ATTENTION_READINESS | ATTENTION_STRANGER);
    /* who then blocks in recvfrom() makes no call that is wrapped */
    if (session.first || activated)
        take_given_sockets(false);
}

static bool same_file(const char *one, const char *other)
{
    struct stat first;
    struct stat second;

    return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/*
 * TFPRELOAD_HELPER, else beside this library, else where it was installed: by the
 * way from here, which holds in a tree that was moved as a whole, then by name.
 */
static const char *find_helper(char **environment, char path[PATH_MAX])
{
    static const char *const places[] = {"tfhelper", TFP_TO_LIBEXECDIR "/tfhelper"};
    const char *given = variable(environment, "TFPRELOAD_HELPER");
    Dl_info library;
    const char *slash;

    if (given && *given)
        return given;
    if (dladdr((void *)(uintptr_t)find_helper, &library) && library.dli_fname &&
        (slash = strrchr(library.dli_fname, '/')))
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if (snprintf(path, PATH_MAX, "%.*s/%s", (int)(slash - library.dli_fname),
                         library.dli_fname, places[i]) < PATH_MAX &&
                access(path, X_OK) == 0)
                return path;
    return TFP_LIBEXECDIR "/tfhelper";
}

/*
 * What to execute again: the path as it was given, so that a symbolic link is
 * followed anew. For a script the kernel has put the interpreter in argv[0] and
 * the script's path behind it (execve(2)); AT_EXECFN still names the script.
 */
static const char *program_path(const char *argv0, char path[PATH_MAX])
{
    /* the kernel's value is the address of a string */
    const char *given = (const char *)getauxval(AT_EXECFN); // NOLINT(performance-no-int-to-ptr)
    ssize_t length;

    if (given && same_file(given, "/proc/self/exe"))
        return given;
    if (argv0 && same_file(argv0, "/proc/self/exe"))
        return argv0;
    length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length > 0) {
        path[length] = '\0';
        return path;
    }
    return given ? given : argv0;
}

static const char preload_name[] = "LD_PRELOAD=";

static bool is_preload(const char *entry)
{
    return strncmp(entry, preload_name, sizeof preload_name - 1) == 0;
}

/* How many bytes hide_preload() needs for text. */
static size_t hidden_size(char **environment)
{
    size_t size = 0;

    for (; *environment; environment++)
        if (is_preload(*environment))
            size += strlen(*environment) + sizeof PRELOAD_VARIABLE;
    return size;
}

/*
 * The environment with LD_PRELOAD under another name, in its place: tfhelper
 * gives it back to the server, and runs without anybody's preloads itself. It
 * may be there twice: glibc takes the last one, musl the first.
 */
static char **hide_preload(char **from, char **to, char *renamed)
{
    for (; *from; from++, to++) {
        *to = *from;
        if (is_preload(*from)) {
            *to = renamed;
            renamed = stpcpy(renamed, PRELOAD_VARIABLE "=");
            renamed = stpcpy(renamed, *from + sizeof preload_name - 1) + 1;
        }
    }
    *to++ = NULL;
    return to;
}

static size_t count(char **list)
{
    size_t n = 0;

    while (list[n])
        n++;
    return n;
}

/*
 * The helper can do nothing where its processes cannot speak to it (systemd's
 * RestrictAddressFamilies=), and once we are the helper there is no way back.
 */
static bool can_open_control_sockets(void)
{
    int fd = kernel_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return false;
    kernel_close(fd);
    return true;
}

/* argv as the user gave it, behind "tfhelper --file PATH --". Returns only if that fails. */
static void become_helper(const char *helper, char **argv, char **environment)
{
    size_t arguments = count(argv);
    size_t variables = count(environment);
    size_t text = hidden_size(environment);
    size_t size = (arguments + variables + 8) * sizeof(char *) + text;
    char own_path[PATH_MAX];
    char **list = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char **new_environment = list;
    char **new_argv;

    if (list == MAP_FAILED) {
        complain("cannot start", helper, errno);
        return;
    }
    new_argv = hide_preload(environment, list, (char *)list + size - text);
    new_argv[0] = (char *)"tfhelper";
    new_argv[1] = (char *)"--file";
    new_argv[2] = (char *)program_path(argv[0], own_path);
    new_argv[3] = (char *)"--";
    memcpy(new_argv + 4, argv, (arguments + 1) * sizeof *argv);
    execve(helper, new_argv, new_environment);
    complain("cannot execute", helper, errno);
    munmap(list, size);
}

#ifdef __GLIBC__
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/*
 * A dynamic loader of another libc loads us, too, and takes that libc for the
 * one that we need. Its structures and its constructors' arguments are not
 * those that we were built for.
 */
static bool is_another_libc(void)
{
    return !gnu_get_libc_version;
}
#else
static bool is_another_libc(void)
{
    return false;
}
#endif

/* Inside a session tfhelper says it, once, and not each of its processes. */
static void complain_of_another_libc(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN); // NOLINT(performance-no-int-to-ptr)

    if (!variable(environ, SESSION_VARIABLE))
        complain(path ? path : "it", "is of another libc than tfpreload", 0);
}

__attribute__((constructor)) static void start(int argc, char **argv, char **environment)
{
    char path[PATH_MAX];
    const char *helper;
    const char *inside;

    if (getauxval(AT_SECURE)) /* a set-user-ID program is left alone */
        return;
    (void)real();
    find_vdso_clock();
    if (is_another_libc()) {
        complain_of_another_libc();
        return;
    }
    if (argc < 1)
        return;
    inside = variable(environment, SESSION_VARIABLE);
    if (inside) {
        join_session(inside, environment);
        return;
    }
    helper = find_helper(environment, path);
    if (same_file(helper, "/proc/self/exe"))
        return;
    if (can_open_control_sockets())
        become_helper(helper, argv, environment);
    else
        complain("cannot open", "a unix socket", errno);
}

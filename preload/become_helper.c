/*
 * Outside a session there is no parent that could upgrade anything. So this process
 * becomes that parent, under the pid that the user knows, and runs the program again
 * inside a session. Once that has happened there is no way back: what can be
 * checked is checked before.
 */
#include "become_helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "early.h"
#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"
#include "preload/wire/protocol.h"

static bool same_file(const char *one, const char *other)
{
    struct file_status first;
    struct file_status second;

    return read_file_status(AT_FDCWD, one, 0, &first) == 0 &&
           read_file_status(AT_FDCWD, other, 0, &second) == 0 && first.device == second.device &&
           first.inode == second.inode;
}

/*
 * TFPRELOAD_HELPER, else beside this library, else where it was installed: by the
 * way from here, which holds in a tree that was moved as a whole, then by name.
 */
static const char *find_helper(char **environment, char path[PATH_MAX])
{
    static const char *const places[] = {"tfhelper", TFP_TO_LIBEXECDIR "/tfhelper"};
    const char *given = early_variable(environment, "TFPRELOAD_HELPER");
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

/* A chroot may have no /proc, and the helper asks it of everything. */
static bool is_proc_there(void)
{
    char self[16];

    return kernel_readlinkat(AT_FDCWD, "/proc/self", self, sizeof self) != -1;
}

/* argv as the user gave it, behind "tfhelper --file PATH --". Returns only if that fails. */
static void execute_helper(const char *helper, char **argv, char **environment)
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

void become_helper(char **argv, char **environment)
{
    char path[PATH_MAX];
    const char *helper = find_helper(environment, path);

    if (same_file(helper, "/proc/self/exe"))
        return;
    if (!is_proc_there())
        complain("cannot find", "/proc", ENOENT);
    else if (can_open_control_sockets())
        execute_helper(helper, argv, environment);
    else
        complain("cannot open", "a unix socket", errno);
}

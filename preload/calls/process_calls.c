/* The calls on processes and paths that the library exports: see export.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "export.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/sharing/groups.h"
#include "preload/sharing/paths.h"
#include "preload/sharing/processes.h"
#include "preload/sharing/renames.h"
#include "preload/upgrade/hand_down.h"
#include "sandbox.h"

EXPORT(int, kill, (pid_t target, int number))
{
    return kill_own_generation(target, number);
}

/* POSIX: the group of the caller for 0, and no group that is negative. */
EXPORT(int, killpg, (pid_t group, int number))
{
    if (group < 0) {
        errno = EINVAL;
        return -1;
    }
    return kill_own_generation(-group, number);
}

EXPORT(int, sigqueue, (pid_t target, int number, const union sigval value))
{
    return is_hidden_process(target) ? no_such_process() : real()->sigqueue(target, number, value);
}

EXPORT(int, pidfd_open, (pid_t target, unsigned flags))
{
    return is_hidden_process(target) ? no_such_process() : real()->pidfd_open(target, flags);
}

/* Whether a pid of a file lives is asked so, too, as monit does. */
EXPORT(pid_t, getpgid, (pid_t target))
{
    return is_hidden_process(target) ? no_such_process() : (pid_t)syscall(SYS_getpgid, target);
}

EXPORT(pid_t, getsid, (pid_t target))
{
    return is_hidden_process(target) ? no_such_process() : (pid_t)syscall(SYS_getsid, target);
}

EXPORT(int, execve, (const char *path, char *const arguments[], char *const environment[]))
{
    return execute_in_session(path, arguments, environment);
}

EXPORT(int, unlink, (const char *path))
{
    return must_keep_path(AT_FDCWD, path) ? 0 : real()->unlink(path);
}

EXPORT(int, unlinkat, (int directory, const char *path, int flags))
{
    return !(flags & AT_REMOVEDIR) && must_keep_path(directory, path)
               ? 0
               : real()->unlinkat(directory, path, flags);
}

EXPORT(int, remove, (const char *path))
{
    return must_keep_path(AT_FDCWD, path) ? 0 : real()->remove(path);
}

EXPORT(int, rename, (const char *from, const char *to))
{
    return has_renamed_socket(AT_FDCWD, from, AT_FDCWD, to, 0) ? 0 : real()->rename(from, to);
}

EXPORT(int, renameat, (int from_directory, const char *from, int to_directory, const char *to))
{
    return has_renamed_socket(from_directory, from, to_directory, to, 0)
               ? 0
               : real()->renameat(from_directory, from, to_directory, to);
}

EXPORT(int, renameat2,
       (int from_directory, const char *from, int to_directory, const char *to, unsigned flags))
{
    return has_renamed_socket(from_directory, from, to_directory, to, flags)
               ? 0
               : real()->renameat2(from_directory, from, to_directory, to, flags);
}

EXPORT(int, link, (const char *from, const char *to))
{
    return has_linked_socket(AT_FDCWD, from, AT_FDCWD, to) ? 0 : real()->link(from, to);
}

EXPORT(int, linkat,
       (int from_directory, const char *from, int to_directory, const char *to, int flags))
{
    return has_linked_socket(from_directory, from, to_directory, to)
               ? 0
               : real()->linkat(from_directory, from, to_directory, to, flags);
}

EXPORT(int, prctl, (int option, ...))
{
    unsigned long argument[4];
    va_list arguments;

    va_start(arguments, option);
    for (int i = 0; i < 4; i++)
        argument[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    return option == PR_SET_SECCOMP
               ? enter_sandbox_by_prctl(real()->prctl, option, argument)
               : real()->prctl(option, argument[0], argument[1], argument[2], argument[3]);
}

EXPORT(int, seccomp_load, (const void *context))
{
    return enter_sandbox_by_libseccomp(context);
}

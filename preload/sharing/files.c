/*
 * What a program finds in the file system is its predecessor's while both run. Which files
 * the operator has them share, which the program would have removed, and who has them open,
 * is for the helper to say. It is asked where a call has failed, and while this generation
 * starts.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "paths.h"
#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/procfs.h"
#include "preload/kernel/real.h"
#include "preload/process/control.h"
#include "preload/process/process.h"
#include "preload/wire/keys.h"

/* There is no predecessor any more, or nothing to be found of it. */
static atomic_bool unshared;

bool has_neighbours(void)
{
    return session.active && session.inherits && !unshared;
}

static int ask_about_file(enum message_kind kind, const struct file_status *status,
                          const char *path, pid_t pid)
{
    struct message message = new_message(kind);
    int answer;

    message.pid = pid;
    message.key.family = AF_UNIX;
    set_file_identity(&message.key, status->device, status->inode);
    add_file_name(&message.key, last_name(path));
    answer = ask_helper(open_control_patiently(), &message, NULL);
    if (answer == ANSWER_UNSHARED && own_state())
        unshared = true;
    return answer;
}

bool may_share_open_file(int fd)
{
    char link[64];
    char path[4096] = "";
    struct file_status status;

    if (read_descriptor_status(fd, &status) == -1)
        return false;
    proc_path(link, "/proc/self/fd/", fd, "");
    if (kernel_readlinkat(AT_FDCWD, link, path, sizeof path - 1) < 0)
        path[0] = '\0';
    return ask_about_file(MESSAGE_LOCK, &status, path, 0) == ANSWER_SHARE_FILE;
}

static int ask_to_create(int directory, const char *path, int flags)
{
    struct file_status status;

    if (!path || read_file_status(directory, path, AT_SYMLINK_NOFOLLOW, &status) == -1 ||
        !S_ISREG(status.mode))
        return -1;
    switch (ask_about_file(MESSAGE_CREATE, &status, path, pid_in_file(directory, path, &status))) {
    case ANSWER_SHARE_FILE:
        return (flags & ~O_EXCL) | O_TRUNC;
    case ANSWER_UNLINK_FILE:
        return real()->unlinkat(directory, path, 0) == 0 ? flags : -1;
    default:
        return -1;
    }
}

/* With which flags is a file to be opened that O_EXCL has found to be there? Or -1: not at all. */
static int flags_to_open_again(int directory, const char *path, int flags)
{
    int saved = errno;
    bool excludes = saved == EEXIST && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    int again = excludes && has_neighbours() ? ask_to_create(directory, path, flags) : -1;

    errno = saved;
    return again;
}

int open_program_file(int (*call)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    int saved = errno;
    int fd = call(path, flags, mode);
    int again = fd == -1 ? flags_to_open_again(AT_FDCWD, path, flags) : -1;

    if (again == -1)
        return fd;
    errno = saved;
    return call(path, again, mode);
}

int open_program_file_at(int (*call)(int, const char *, int, ...), int directory, const char *path,
                         int flags, mode_t mode)
{
    int saved = errno;
    int fd = call(directory, path, flags, mode);
    int again = fd == -1 ? flags_to_open_again(directory, path, flags) : -1;

    if (again == -1)
        return fd;
    errno = saved;
    return call(directory, path, again, mode);
}

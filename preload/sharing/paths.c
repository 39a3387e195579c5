/*
 * Which generation serves on the file is for the helper to say. It is asked
 * about sockets, and about files that have nothing but the pid of a process:
 * few programs ever unlink others.
 */
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"
#include "preload/process/control.h"
#include "preload/process/process.h"
#include "preload/wire/keys.h"

enum { LONGEST_PID = 9 }; /* digits: pid_t is never longer, proc(5) pid_max */

static bool helper_wants_it_kept(struct message *message)
{
    return ask_helper(open_control_patiently(), message, NULL) == ANSWER_KEEP_FILE;
}

const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool others_serve_on(const struct file_status *status, const char *path)
{
    struct message message = new_message(MESSAGE_UNLINK);

    message.key.family = AF_UNIX;
    set_file_identity(&message.key, status->device, status->inode);
    add_file_name(&message.key, last_name(path));
    return helper_wants_it_kept(&message);
}

/* The pid that is all there is in a file, but for a newline; 0 if it is something else. */
static pid_t read_pid(int directory, const char *path)
{
    char text[LONGEST_PID + 2];
    int fd = kernel_openat(directory, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t length;
    char *end;
    long pid;

    if (fd < 0)
        return 0;
    length = kernel_read(fd, text, sizeof text - 1);
    kernel_close(fd);
    if (length <= 0 || text[0] < '1' || text[0] > '9')
        return 0;
    text[length] = '\0';
    pid = strtol(text, &end, 10);
    return *end == '\0' || (end[0] == '\n' && end[1] == '\0') ? (pid_t)pid : 0;
}

pid_t pid_in_file(int directory, const char *path, const struct file_status *status)
{
    return S_ISREG(status->mode) && status->size > 0 && status->size <= LONGEST_PID + 1
               ? read_pid(directory, path)
               : 0;
}

/*
 * A daemon that ends removes "its" pid file, which names its successor by now. One that
 * starts removes that of its predecessor, which may be needed still.
 */
static bool names_another(int directory, const char *path, const struct file_status *status)
{
    struct message message = new_message(MESSAGE_UNLINK_PID);

    message.pid = pid_in_file(directory, path, status);
    message.key.family = AF_UNIX;
    set_file_identity(&message.key, status->device, status->inode);
    return message.pid != 0 && message.pid != kernel_getpid() && helper_wants_it_kept(&message);
}

/* What the operator has generations share is for the last of them to remove. */
static bool is_shared(const struct file_status *status)
{
    struct message message = new_message(MESSAGE_UNLINK_FILE);

    message.key.family = AF_UNIX;
    set_file_identity(&message.key, status->device, status->inode);
    return session.shares_files && helper_wants_it_kept(&message);
}

bool must_keep_path(int directory, const char *path)
{
    int saved = errno;
    struct file_status status;
    bool keep = false;

    if (!session.active || !path ||
        read_file_status(directory, path, AT_SYMLINK_NOFOLLOW, &status) != 0)
        status.mode = 0;
    if (S_ISSOCK(status.mode))
        keep = others_serve_on(&status, path);
    else if (S_ISREG(status.mode))
        keep = names_another(directory, path, &status) || is_shared(&status);
    errno = saved;
    return keep;
}

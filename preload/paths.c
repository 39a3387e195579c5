/*
 * Which generation serves on the file is for the helper to say. It is asked
 * about sockets, and about files that have nothing but the pid of a process:
 * few programs ever unlink others.
 */
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "control.h"
#include "kernel.h"
#include "keys.h"
#include "process.h"

enum { LONGEST_PID = 9 }; /* digits: pid_t is never longer, proc(5) pid_max */

static bool helper_wants_it_kept(struct message *message)
{
    return ask_helper(open_control_patiently(), message, NULL) == MESSAGE_KEEP;
}

static bool others_serve_on(const struct stat *status)
{
    struct message message = new_message(MESSAGE_UNLINK);

    set_file_identity(&message.key, status->st_dev, status->st_ino);
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

/* A daemon that ends removes "its" pid file, which names its successor by now. */
static bool names_a_successor(int directory, const char *path)
{
    struct message message = new_message(MESSAGE_UNLINK_PID);

    message.sender = read_pid(directory, path);
    return message.sender != 0 && message.sender != kernel_getpid() &&
           helper_wants_it_kept(&message);
}

bool must_keep_path(int directory, const char *path)
{
    int saved = errno;
    struct stat status;
    bool keep = false;

    if (!session.active || !path || fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
        status.st_mode = 0;
    if (S_ISSOCK(status.st_mode))
        keep = others_serve_on(&status);
    else if (S_ISREG(status.st_mode) && status.st_size > 0 && status.st_size <= LONGEST_PID + 1)
        keep = names_a_successor(directory, path);
    errno = saved;
    return keep;
}

#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/log.h"
#include "helper/base/operators_file.h"
#include "helper/kernel/procfile.h"
#include "helper/settings/settings.h"

static bool write_pid(int file)
{
    return dprintf(file, "%d\n", getpid()) > 0;
}

/* In its directory, since rename(2) replaces at once only within a file system. */
static bool replace_file(int directory, const char *name)
{
    char new[NAME_MAX + 16];
    int file;
    bool done;

    snprintf(new, sizeof new, "%s.%d", name, getpid());
    unlinkat(directory, new, 0);
    file = openat(directory, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file == -1)
        return false;
    done = write_pid(file) && renameat(directory, new, directory, name) == 0;
    if (!done) {
        int error = errno;

        unlinkat(directory, new, 0);
        errno = error;
    }
    close(file);
    return done;
}

/* Somebody else may have put there what he likes: only a file is read. 0: it names nobody. */
static pid_t named_in(int directory, const char *name)
{
    char text[32] = "";
    int file = open_own_file(directory, name);
    ssize_t size = file == -1 ? -1 : read(file, text, sizeof text - 1);

    if (file != -1)
        close(file);
    return size > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* A unit that was copied, with its pidfile: whoever signals by that file reaches one of the two. */
static void notice_another(int directory, const char *name)
{
    pid_t other = named_in(directory, name);
    char command[COMMAND_SIZE] = "";

    if (other > 0 && other != getpid())
        read_command(other, command);
    if (strcmp(command, "tfhelper") == 0)
        log_line(LEVEL_ERROR, "the pidfile %s was that of process %d, another service that runs",
                 settings.pidfile, other);
}

void write_pidfile(void)
{
    static bool written;
    const char *name;
    const char *why;
    int directory;

    if (!settings.pidfile)
        return;
    directory = open_operators_directory(settings.pidfile, &name, &why);
    if (directory != -1 && !written)
        notice_another(directory, name);
    written = true; /* later it may name who we were, before we went to the background */
    if (directory != -1 && !replace_file(directory, name))
        why = strerror(errno);
    else if (directory != -1)
        why = NULL;
    if (why)
        log_line(LEVEL_ERROR, "cannot write the pidfile %s: %s", settings.pidfile, why);
    if (directory != -1)
        close(directory);
}

void remove_pidfile(void)
{
    const char *name;
    const char *why;
    int directory;

    if (!settings.pidfile)
        return;
    directory = open_operators_directory(settings.pidfile, &name, &why);
    if (directory == -1)
        return;
    if (named_in(directory, name) == getpid())
        unlinkat(directory, name, 0);
    close(directory);
}

void keep_ready_fd(void)
{
    if (settings.ready_fd != -1)
        fcntl(settings.ready_fd, F_SETFD, FD_CLOEXEC);
}

void tell_ready_fd(void)
{
    if (settings.ready_fd == -1)
        return;
    if (write(settings.ready_fd, "\n", 1) != 1)
        log_line(LEVEL_ERROR, "cannot write to the ready descriptor %d: %s", settings.ready_fd,
                 strerror(errno));
    close(settings.ready_fd);
    settings.ready_fd = -1;
}

void carry_ready_fd(struct carrier *carrier)
{
    settings.ready_fd = carry_descriptor(carrier, "ready-fd", settings.ready_fd, MAY_BE_NONE);
}

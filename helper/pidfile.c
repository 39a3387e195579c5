#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "settings.h"

static bool write_pid(int file)
{
    return dprintf(file, "%d\n", getpid()) > 0;
}

void write_pidfile(void)
{
    char new[PATH_MAX];
    int file;

    if (!settings.pidfile)
        return;
    /* beside it, since rename(2) replaces at once only within a file system */
    if (snprintf(new, sizeof new, "%s.%d", settings.pidfile, getpid()) >= (int)sizeof new) {
        log_line(LEVEL_ERROR, "cannot write the pidfile: its path is too long");
        return;
    }
    unlink(new);
    file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file == -1 || !write_pid(file) || rename(new, settings.pidfile) == -1) {
        log_line(LEVEL_ERROR, "cannot write the pidfile %s: %s", settings.pidfile, strerror(errno));
        unlink(new);
    }
    if (file != -1)
        close(file);
}

void remove_pidfile(void)
{
    char text[32] = "";
    FILE *file = settings.pidfile ? fopen(settings.pidfile, "re") : NULL;

    if (!file)
        return;
    if (fgets(text, sizeof text, file) && strtol(text, NULL, 10) == getpid())
        unlink(settings.pidfile);
    fclose(file);
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

/*
 * A daemon of the first generation is not below its helper, and may have written
 * its title over its environment, as nginx and redis do. But the helper holds a
 * pidfd of it (handover.c), and the kernel says of which process that is.
 */
#include "find_watcher.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfile.h"

static bool is_helper(pid_t pid)
{
    char name[32];

    return read_proc_file(pid, "comm", name, sizeof name) > 0 && strcmp(name, "tfhelper\n") == 0;
}

/* pidfd_open(2): "Pid:" in /proc/PID/fdinfo/FD. */
static bool is_pidfd_of(pid_t helper, const char *descriptor, pid_t pid)
{
    char name[64];
    char text[PROC_FILE_SIZE];
    const char *field;

    snprintf(name, sizeof name, "fdinfo/%.16s", descriptor);
    if (read_proc_file(helper, name, text, sizeof text) <= 0)
        return false;
    field = strstr(text, "\nPid:");
    return field && strtol(field + sizeof "\nPid:" - 1, NULL, 10) == pid;
}

static bool watches(pid_t helper, pid_t pid)
{
    char path[64];
    const struct dirent *entry;
    DIR *directory;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/fdinfo", helper);
    directory = opendir(path);
    while (directory && !found && (entry = readdir(directory)))
        found = entry->d_name[0] != '.' && is_pidfd_of(helper, entry->d_name, pid);
    if (directory)
        closedir(directory);
    return found;
}

pid_t find_watcher(pid_t pid)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;

    while (directory && found == 0 && (entry = readdir(directory))) {
        pid_t other = (pid_t)strtol(entry->d_name, NULL, 10);

        if (other > 0 && is_helper(other) && watches(other, pid))
            found = other;
    }
    if (directory)
        closedir(directory);
    return found;
}

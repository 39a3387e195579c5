/*
 * A daemon of the first generation is not below its helper, and may have written
 * its title over its environment, as nginx and redis do. But the helper holds a
 * pidfd of it (handover.c), and the kernel says of which process that is.
 */
#include "find_watcher.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/kernel/procfile.h"

/* The user of a process; one that nobody is where there is none any more. */
static uid_t user_of(pid_t pid)
{
    char path[32];
    struct stat status;

    snprintf(path, sizeof path, "/proc/%d", pid);
    return stat(path, &status) == 0 ? status.st_uid : (uid_t)-1;
}

/* Anybody may have that name and a pidfd: of others, root and the user of the process count. */
static bool is_helper(pid_t pid, uid_t user)
{
    char name[COMMAND_SIZE];
    uid_t own = user_of(pid);

    if (own != 0 && own != geteuid() && own != user)
        return false;
    read_command(pid, name);
    return strcmp(name, "tfhelper") == 0;
}

/* pidfd_open(2): "Pid:" in /proc/PID/fdinfo/FD. */
static bool is_pidfd_of(pid_t helper, const char *descriptor, pid_t pid)
{
    uint64_t other;

    return read_fdinfo(helper, (int)strtol(descriptor, NULL, 10), "Pid:", &other) == IS_THERE &&
           other == (uint64_t)pid;
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
    uid_t user = user_of(pid);
    pid_t found = 0;

    while (directory && found == 0 && (entry = readdir(directory))) {
        pid_t other = (pid_t)strtol(entry->d_name, NULL, 10);

        if (other > 0 && is_helper(other, user) && watches(other, pid))
            found = other;
    }
    if (directory)
        closedir(directory);
    return found;
}

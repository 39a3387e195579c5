#include "anonymous.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/memory.h"

/* The kernel has no name for them but this: proc(5), /proc/PID/fd. */
static bool is_of_kind(int directory, const char *name, const char *kind)
{
    char wanted[64];
    char target[sizeof wanted];
    int length = snprintf(wanted, sizeof wanted, "anon_inode:%s", kind);

    return readlinkat(directory, name, target, sizeof target) == length &&
           memcmp(target, wanted, (size_t)length) == 0;
}

size_t list_anonymous(pid_t process, const char *kind, int **numbers)
{
    char path[32];
    DIR *directory;
    const struct dirent *entry;
    size_t count = 0;

    *numbers = NULL;
    snprintf(path, sizeof path, "/proc/%d/fd", process);
    directory = opendir(path);
    while (directory && (entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || !is_of_kind(dirfd(directory), entry->d_name, kind))
            continue;
        *numbers = grow(*numbers, count + 1, sizeof **numbers);
        (*numbers)[count++] = atoi(entry->d_name);
    }
    if (directory)
        closedir(directory);
    return count;
}

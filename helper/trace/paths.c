#include "paths.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "borrow.h"

/* Page by page: the one behind the text may not be there. */
bool read_path(pid_t process, uint64_t address, char *path, size_t size)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    size_t used = 0;

    while (used < size) {
        size_t part = (size_t)(page - (address + used) % page);

        if (part > size - used)
            part = size - used;
        if (!read_memory(process, address + used, path + used, part))
            return false;
        if (memchr(path + used, '\0', part))
            return true;
        used += part;
    }
    return false;
}

/* The links in /proc lead there whatever our own root is; what the path has of links does not. */
bool is_socket_of_process(pid_t process, int directory, const char *path, struct stat *status)
{
    char whole[PATH_MAX + 64];

    if (*path == '/')
        snprintf(whole, sizeof whole, "/proc/%d/root%s", process, path);
    else if (directory == AT_FDCWD)
        snprintf(whole, sizeof whole, "/proc/%d/cwd/%s", process, path);
    else
        snprintf(whole, sizeof whole, "/proc/%d/fd/%d/%s", process, directory, path);
    return lstat(whole, status) == 0 && S_ISSOCK(status->st_mode);
}

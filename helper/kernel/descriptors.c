#include "descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Before Linux 5.9 there is no close_range(2). */
static void close_one_by_one(unsigned first, unsigned last)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        char *end;
        unsigned long fd = strtoul(entry->d_name, &end, 10);

        if (*end == '\0' && fd >= first && fd <= last && (int)fd != dirfd(directory))
            close((int)fd);
    }
    if (directory)
        closedir(directory);
}

static void close_from_to(unsigned first, unsigned last)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, last, 0) == 0 || errno != ENOSYS)
        return;
#endif
    close_one_by_one(first, last);
}

void keep_only(int one, int other)
{
    const unsigned lower = (unsigned)(one < other ? one : other);
    const unsigned upper = (unsigned)(one < other ? other : one);

    if (lower > 0)
        close_from_to(0, lower - 1);
    if (upper > lower + 1)
        close_from_to(lower + 1, upper - 1);
    close_from_to(upper + 1, UINT_MAX);
}

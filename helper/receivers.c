/*
 * The data path is not wrapped, recvfrom() included. A server that has nothing
 * but a blocking datagram socket is seen by /proc/PID/task/TID/syscall.
 */
#include "receivers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "family.h"
#include "generation.h"
#include "procfile.h"

bool has_bound(const struct generation *generation, uint64_t inode)
{
    for (size_t i = 0; i < generation->bound_count; i++)
        if (generation->bound[i] == inode)
            return true;
    return false;
}

static bool is_bound_socket(const struct generation *generation, pid_t pid, unsigned long fd)
{
    char path[64];
    char target[64] = "";
    unsigned long long inode;
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%d/fd/%lu", pid, fd);
    length = readlink(path, target, sizeof target - 1);
    return length > 0 && sscanf(target, "socket:[%llu]", &inode) == 1 &&
           has_bound(generation, inode);
}

/* proc(5) syscall: the number, then the arguments in hexadecimal. */
static bool is_receiving(const struct generation *generation, pid_t pid, pid_t thread)
{
    char name[64];
    char text[256];
    long number;
    unsigned long fd;

    snprintf(name, sizeof name, "task/%d/syscall", thread);
    if (read_proc_file(pid, name, text, sizeof text) <= 0 ||
        sscanf(text, "%ld %lx", &number, &fd) != 2)
        return false;
    return (number == SYS_recvfrom || number == SYS_recvmsg || number == SYS_recvmmsg ||
            number == SYS_read) &&
           is_bound_socket(generation, pid, fd);
}

bool has_receiver(const struct generation *generation)
{
    const struct family *family = look_at_family();
    bool found = false;

    for (size_t i = 0; i < family->count && !found; i++) {
        pid_t pid = family->member[i].pid;
        pid_t *threads;
        size_t count;

        if (family->member[i].generation != generation->number)
            continue;
        count = list_threads(pid, &threads);
        for (size_t k = 0; k < count && !found; k++)
            found = is_receiving(generation, pid, threads[k]);
        free(threads);
    }
    return found;
}

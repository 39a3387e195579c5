/*
 * While two generations share a listener, its O_NONBLOCK may be what the other one
 * needs (upgrade/blocking.c decides). What the program sets is then remembered, and
 * what it reads is what it has set.
 */
#include "status_flags.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "locks.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/real.h"
#include "preload/process/process.h"
#include "preload/upgrade/blocking.h"

/* Every command takes one argument that fits a long, or none and ignores it: fcntl(2). */
int program_fcntl(int (*call)(int, int, ...), int fd, int command, long argument)
{
    int result;

    if (sets_lock(command))
        return program_fcntl_lock(call, fd, command,
                                  (void *)argument); // NOLINT(performance-no-int-to-ptr)
    if (!attends(ATTENTION_FLAGS) || (command != F_SETFL && command != F_GETFL))
        return call(fd, command, argument);
    if (command == F_SETFL && !program_sets_nonblocking(fd, argument & O_NONBLOCK))
        argument |= O_NONBLOCK;
    result = call(fd, command, argument);
    if (command == F_GETFL && result != -1 && program_believes_blocking(fd))
        result &= ~O_NONBLOCK;
    return result;
}

int program_ioctl(int fd, unsigned long request, void *argument)
{
    int nonblocking;

    if (request == FIONBIO && attends(ATTENTION_FLAGS) &&
        read_program_memory(&nonblocking, argument, sizeof nonblocking) &&
        !program_sets_nonblocking(fd, nonblocking))
        return 0;
    return real()->ioctl(fd, request, argument);
}

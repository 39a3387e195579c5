/*
 * By getrandom(2), without the function of that name, which glibc has since 2.25. Where a sandbox
 * does not know the call, by the file: that one never waits, and it does not say when the kernel
 * has gathered too little yet, which is long over when services are started.
 */
#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int read_random_file(void *bytes, size_t count)
{
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (file == -1)
        return -1;
    length = read(file, bytes, count);
    close(file);
    if (length == (ssize_t)count)
        return 0;
    errno = length == -1 ? errno : EIO;
    return -1;
}

int read_random(void *bytes, size_t count)
{
    if (syscall(SYS_getrandom, bytes, count, 0) == (long)count)
        return 0;
    return read_random_file(bytes, count);
}

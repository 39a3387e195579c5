#include "take_descriptor.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "deadly_calls.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* Linux 5.3 */
#endif

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif

int take_descriptor(pid_t process, int number)
{
    int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
    int error;
    int fd;

    if (pidfd == -1)
        return -1;
    errno = EPERM;
    fd = is_deadly(SYS_pidfd_getfd) ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    error = errno;
    close(pidfd);
    errno = error;
    return fd;
}

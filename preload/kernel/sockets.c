/* What the kernel says about one descriptor, without a table of our own. */
#include "sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "file_status.h"
#include "kernel.h"

int socket_option(int fd, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    return kernel_getsockopt(fd, SOL_SOCKET, name, &value, &length) == -1 ? -1 : value;
}

bool is_listener(int fd)
{
    return socket_option(fd, SO_ACCEPTCONN) == 1;
}

ino_t socket_inode(int fd)
{
    struct file_status file;

    /* fstat(3) is on the list of signal-safety(7), but libfaketime's takes a lock */
    return read_descriptor_status(fd, &file) == -1 ? 0 : file.inode;
}

bool is_connected(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    return kernel_getpeername(fd, &peer, &length) == 0;
}

bool is_bound(int fd)
{
    union {
        struct sockaddr_in6 internet; /* the port stands at the same place in both families */
        struct sockaddr_un local;
    } bound = {.local = {0}};
    socklen_t length = sizeof bound;

    if (kernel_getsockname(fd, &bound, &length) == -1)
        return true;
    return bound.local.sun_family == AF_UNIX ? length > sizeof(sa_family_t)
                                             : bound.internet.sin6_port != 0;
}

#include "activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../preload/keys.h"
#include "endpoints.h"
#include "inheritance.h"
#include "log.h"
#include "ready.h"

/* sd_listen_fds(3): the first of them. */
enum { LISTEN_FDS_START = 3 };

/* How many there are. Asked once: LISTEN_PID is not ours any more after a hand-over. */
static int activated;

static int count_activated(void)
{
    const char *count = getenv("LISTEN_FDS");
    const char *pid = getenv("LISTEN_PID");

    if (!count || !pid || strtol(pid, NULL, 10) != getpid())
        return 0;
    return (int)strtol(count, NULL, 10);
}

bool is_activated(uint64_t inode)
{
    struct stat status;

    for (int i = 0; i < activated; i++)
        if (fstat(LISTEN_FDS_START + i, &status) == 0 && status.st_ino == inode)
            return true;
    return false;
}

void expect_activated(struct generation *generation)
{
    for (int i = 0; i < activated; i++) {
        int fd = LISTEN_FDS_START + i;
        struct stat status;
        int type = 0;
        socklen_t length = sizeof type;

        if (fstat(fd, &status) == 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
            type == SOCK_DGRAM)
            datagram_socket_bound(generation, status.st_ino);
    }
}

void inherit_activated(struct inheritance *inheritance)
{
    activated = count_activated();
    for (int i = 0; i < activated; i++) {
        struct message message;
        struct stat status;
        char address[ADDRESS_TEXT];
        int fd = fcntl(LISTEN_FDS_START + i, F_DUPFD_CLOEXEC, 0);

        memset(&message, 0, sizeof message);
        if (fd == -1 || fstat(fd, &status) == -1 ||
            listener_key_of(fd, NULL, 0, &message.key) == -1) {
            log_line(LEVEL_DEBUG, "activation: descriptor %d is no listener: %s",
                     LISTEN_FDS_START + i, strerror(errno));
            if (fd != -1)
                close(fd);
            continue;
        }
        message.inode = status.st_ino;
        message.order = (uint32_t)i;
        message.status_flags = fcntl(fd, F_GETFL);
        inherit(inheritance, &message, getpid(), fd);
        log_line(LEVEL_DEBUG, "activation: descriptor %d is %s", LISTEN_FDS_START + i,
                 address_text(&inheritance->item[inheritance->count - 1], address));
    }
}

#include "activation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoints.h"
#include "helper/base/carry.h"
#include "helper/base/log.h"
#include "inheritance.h"
#include "preload/wire/keys.h"

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

/*
 * Does it serve? LISTEN_FDS names such a socket, inetd ("wait") does not. One of a client, the
 * system log's say, is connected or not bound. All that is our own is closed on exec.
 */
static bool serves_datagrams(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    struct listener_key key;
    int flags = fcntl(fd, F_GETFD);

    return flags != -1 && !(flags & FD_CLOEXEC) && listener_key_of(fd, NULL, 0, &key) == 0 &&
           key.type == SOCK_DGRAM && key.address_length > sizeof(sa_family_t) &&
           !asks_for_any_port(&key) && getpeername(fd, (struct sockaddr *)&peer, &length) == -1;
}

void for_each_given_datagram(void (*visit)(uint64_t inode, void *argument), void *argument)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    struct stat status;

    while (directory && (entry = readdir(directory))) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        if (entry->d_name[0] != '.' && serves_datagrams(fd) && fstat(fd, &status) == 0)
            visit(status.st_ino, argument);
    }
    if (directory)
        closedir(directory);
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
        message.position = (uint32_t)i;
        message.status_flags = fcntl(fd, F_GETFL);
        inherit(inheritance, &message, getpid(), false, fd);
        log_line(LEVEL_DEBUG, "activation: descriptor %d is %s", LISTEN_FDS_START + i,
                 address_text(&inheritance->item[inheritance->count - 1], address));
    }
}

void carry_activation(struct carrier *carrier)
{
    activated = (int)carry_number(carrier, "activated", activated, 0, INT32_MAX);
}

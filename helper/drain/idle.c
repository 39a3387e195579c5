/*
 * shutdown(2) with SHUT_RD, on a copy of the server's descriptor: the server reads what has
 * arrived, then end-of-file. Linux tells the peer nothing of it, and goes on to deliver data: a
 * request that crosses with it is answered if the server reads once more, and otherwise meets a
 * closed connection, as at any server that closes one that idles. So it is never lost without a
 * sign.
 *
 * The kernel's times are as coarse as its clock tick. When the last data of both sides fell into
 * one tick, nobody can tell whose came last: then a long silence has to do.
 */
#include "idle.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/sock_diag.h"
#include "helper/kernel/take_descriptor.h"
#include "helper/kernel/tcp_activity.h"
#include "helper/kernel/tcp_sockets.h"
#include "look.h"

/* At a time: so many, or one part in so many. */
enum { FEWEST_ENDED = 16, PARTS = 64 };

static const int64_t long_silence = SECOND;
static const int64_t hurry = 100 * MILLISECOND;

/* An acknowledgement may be late, by 40 ms: for who is in a hurry it is enough that all is sent. */
static bool is_over(const struct tcp_activity *activity, int64_t quiet)
{
    uint32_t pending = quiet < hurry ? activity->unsent : activity->unacknowledged;

    if (activity->unread > 0 || pending > 0 || activity->asked || activity->quiet < quiet)
        return false;
    return activity->answered || activity->quiet >= (quiet > 0 ? quiet : long_silence);
}

static bool looks_over(const struct look *look, const struct known_socket *known, int64_t quiet)
{
    struct tcp_activity activity;

    return find_tcp_socket(look->diag, known->family, &known->id, known->inode, &activity) ==
               IS_THERE &&
           is_over(&activity, quiet);
}

/* A copy of a process's descriptor, if it is this socket still; -1 with errno set. */
static int copy_descriptor(const struct open_socket *held)
{
    int copy = take_descriptor(held->pid, held->fd);
    struct stat status;

    if (copy == -1 || (fstat(copy, &status) == 0 && status.st_ino == held->inode))
        return copy;
    close(copy);
    errno = EBADF;
    return -1;
}

/* It is looked at again at the last moment: a request may have come since. */
static bool end_connection(struct look *look, struct known_socket *known, int64_t quiet)
{
    const struct open_socket *held = find_held(look, known->inode);
    int fd = held ? copy_descriptor(held) : -1;
    bool ended;

    if (held && fd == -1 && errno != EBADF && errno != ESRCH && !look->generation->drainage.told) {
        look->generation->drainage.told = true;
        log_line(LEVEL_INFO, "generation %u: its idle connections cannot be ended: %s",
                 look->generation->number, strerror(errno));
    }
    if (fd == -1)
        return false;
    ended = looks_over(look, known, quiet) && shutdown(fd, SHUT_RD) == 0;
    known->ended |= ended;
    close(fd);
    return ended;
}

void end_idle_connections(struct generation *generation, int64_t quiet)
{
    struct known_sockets *sockets = &generation->drainage.sockets;
    struct look look = look_into_processes(generation);
    size_t most = FEWEST_ENDED + sockets->count / PARTS;
    size_t ended = 0;

    look.diag = open_sock_diag();
    for (size_t i = 0; i < sockets->count && ended < most && look.diag != -1; i++) {
        struct known_socket *known = &sockets->item[i];

        if (known->kind == CONNECTION && known->family && !known->ended &&
            looks_over(&look, known, quiet))
            ended += end_connection(&look, known, quiet);
    }
    if (ended > 0)
        log_line(LEVEL_DEBUG, "generation %u: %zu idle connections are ended", generation->number,
                 ended);
    end_look(&look);
}

/*
 * The kernel names who has connected, by SO_PEERCRED: see unix(7). A pid alone may be somebody
 * else's by now, so its start is noted, and read again with each message. What cannot be read for
 * want of descriptors or memory says nothing about anybody: who speaks is heard a little later.
 */
#include "identity.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/belonging.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* asm-generic/socket.h, Linux 6.5 */
#endif

/* How long a refusal stands before the process is looked at again. */
enum { REFUSALS = 64 };
static const int64_t refusal_time = 100 * MILLISECOND;

/*
 * Finding out that somebody is a stranger is a walk through /proc: too dear for
 * each connection of one who has nothing else to do.
 */
static enum lookup look_for_stranger(pid_t pid)
{
    static struct {
        pid_t pid;
        int64_t until;
    } refused[REFUSALS];
    const size_t slot = (size_t)pid % REFUSALS;
    enum lookup found;

    if (refused[slot].pid == pid && now() < refused[slot].until)
        return IS_GONE;
    found = look_for_member(pid);
    if (found != IS_GONE)
        return found;
    refused[slot].pid = pid;
    refused[slot].until = now() + refusal_time;
    return IS_GONE;
}

/*
 * Is the process whose start has been read still the one that has connected? SO_PEERPIDFD knows it,
 * from Linux 6.5 on. Before, there is no such thing, and what remains is a process that ended
 * before we have come to it.
 */
static enum lookup is_alive(int fd)
{
    struct pollfd end = {.fd = -1, .events = POLLIN};
    socklen_t length = sizeof end.fd;
    int ended;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &end.fd, &length) == -1) {
        if (errno == ESRCH || errno == ENODATA || errno == EINVAL)
            return IS_GONE;
        return may_pass(errno) ? CANNOT_TELL : IS_THERE;
    }
    ended = poll(&end, 1, 0);
    close(end.fd);
    if (ended == -1)
        return CANNOT_TELL;
    return ended ? IS_GONE : IS_THERE;
}

/* False if that cannot be told yet. */
static bool note_start(struct identity *identity, int fd)
{
    struct proc_stat stat = {0};
    enum lookup found = read_stat(identity->credentials.pid, &stat);

    if (found == IS_THERE)
        found = is_alive(fd);
    if (found == CANNOT_TELL)
        return false;
    identity->started = found == IS_THERE ? stat.started : 0;
    identity->start_noted = true;
    return true;
}

static enum lookup is_still_peer(struct identity *identity, int fd)
{
    struct proc_stat stat = {0};
    enum lookup found;

    if (!identity->start_noted && !note_start(identity, fd))
        return CANNOT_TELL;
    if (identity->started == 0)
        return IS_GONE;
    found = read_stat(identity->credentials.pid, &stat);
    return found == IS_THERE && stat.started != identity->started ? IS_GONE : found;
}

enum lookup identify(struct identity *identity, int fd)
{
    enum lookup there = is_still_peer(identity, fd);
    enum lookup member;

    if (there != IS_THERE)
        return there;
    if (!identity->may_demand)
        return look_for_stranger(identity->credentials.pid);
    member = look_for_member(identity->credentials.pid);
    return member == CANNOT_TELL ? CANNOT_TELL : IS_THERE;
}

static bool read_credentials(struct identity *identity, int fd)
{
    socklen_t length = sizeof identity->credentials;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &identity->credentials, &length) == -1)
        return false;
    identity->may_demand = identity->credentials.uid == geteuid() || identity->credentials.uid == 0;
    return true;
}

bool note_credentials(struct identity *identity, int fd)
{
    *identity = (struct identity){.started = 0};
    if (!read_credentials(identity, fd))
        return false;
    return identity->may_demand || identify(identity, fd) != IS_GONE;
}

void carry_identity(struct carrier *carrier, struct identity *identity)
{
    identity->start_noted = carry_bool(carrier, "start-noted", identity->start_noted);
    identity->started =
        (uint64_t)carry_number(carrier, "peer-started", (int64_t)identity->started, 0, INT64_MAX);
}

bool resume_identity(struct identity *identity, int fd)
{
    return read_credentials(identity, fd);
}

#include "rings.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "anonymous.h"
#include "borrow.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/replacements.h"
#include "submitters.h"

/* ---- what is in them: io_uring's part of /proc/PID/fdinfo ---- */

/* A file that a ring has under a number of its own: io_uring_register(2). */
struct slot {
    int ring;
    unsigned number;
    uint64_t inode;
};

struct rings {
    int *number; /* in the process */
    size_t count;
    struct slot *slot;
    size_t slots;
    struct ring_waits waits;
};

/* More than any program registers of its listeners. */
enum { MOST_SLOTS = 64 * 1024 };

/* "    0: socket:[2424580]" */
static void read_slot(struct rings *rings, int ring, const char *line)
{
    unsigned number;
    unsigned long long inode;

    if (rings->slots == MOST_SLOTS || sscanf(line, " %u: socket:[%llu]", &number, &inode) != 2)
        return;
    rings->slot = grow(rings->slot, rings->slots + 1, sizeof *rings->slot);
    rings->slot[rings->slots++] = (struct slot){ring, number, inode};
}

/* Returns whether all of it was there: of one that is at work the kernel says less, for a moment.
 */
static bool read_ring_once(struct rings *rings, pid_t process, int ring)
{
    enum { POLL_ADD = 6, ACCEPT = 13 }; /* include/uapi/linux/io_uring.h */
    char path[64];
    char line[256];
    FILE *file;
    int operation;
    bool whole = false;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", process, ring);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        whole |= strncmp(line, "PollList:", 9) == 0;
        if (sscanf(line, " op=%d,", &operation) == 1) {
            rings->waits.accepts += operation == ACCEPT;
            rings->waits.polls += operation == POLL_ADD;
        } else {
            read_slot(rings, ring, line);
        }
    }
    if (file)
        fclose(file);
    return whole || !file;
}

static void nap(void)
{
    static const struct timespec moment = {0, 100000};

    nanosleep(&moment, NULL);
}

enum { MOST_READINGS = 20 };

static void read_ring(struct rings *rings, pid_t process, int ring)
{
    const struct ring_waits waits = rings->waits;
    const size_t slots = rings->slots;

    for (int i = 0; i < MOST_READINGS && !read_ring_once(rings, process, ring); i++) {
        rings->waits = waits;
        rings->slots = slots;
        nap();
    }
}

static struct rings read_rings(pid_t process)
{
    struct rings rings = {.count = 0};

    rings.count = list_anonymous(process, "[io_uring]", &rings.number);
    rings.waits.rings = rings.count;
    for (size_t i = 0; i < rings.count; i++)
        read_ring(&rings, process, rings.number[i]);
    return rings;
}

static void free_rings(const struct rings *rings)
{
    free(rings->number);
    free(rings->slot);
}

struct ring_waits look_into_rings(pid_t process)
{
    struct rings rings = read_rings(process);

    free_rings(&rings);
    return rings.waits;
}

/* ---- what is registered ---- */

static void replace_slots(pid_t process, const struct rings *rings, const struct swap *swap)
{
    for (size_t i = 0; i < rings->slots; i++) {
        const struct slot *slot = &rings->slot[i];
        long result;

        if (slot->inode != swap->inode)
            continue;
        result = have_file_replaced(process, slot->ring, slot->number, swap->number, swap->to);
        if (result < 0)
            log_line(LEVEL_DEBUG, "trace: ring %d of process %d keeps its file %u: %s", slot->ring,
                     process, slot->number, strerror((int)-result));
    }
}

/* ---- who waits for one client gets one, who has hung up ---- */

/* Others accept there as well: it may take some until each request of this process has got one. */
enum { MOST_CALLS = 64 };
static const int64_t longest_calling = 500 * MILLISECOND;

static bool is_among(const struct open_socket *sockets, size_t count, uint64_t inode)
{
    for (size_t i = 0; i < count; i++)
        if (sockets[i].inode == inode)
            return true;
    return false;
}

/* Is it connected to our client? */
static bool is_with(const struct open_socket *socket, const struct sockaddr_storage *client)
{
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof peer;
    int fd = borrow_needed(socket->pid, socket->fd);
    bool found = fd != -1 && getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
                 memcmp(&peer, client, sizeof peer) == 0;

    if (fd != -1)
        close(fd);
    return found;
}

/* One of the sockets that the process has not had before. */
static bool has_taken(pid_t process, const struct open_socket *before, size_t count,
                      const struct sockaddr_storage *client)
{
    struct open_socket *sockets = NULL;
    size_t now_open = 0;
    bool found = false;

    list_sockets(process, &sockets, &now_open);
    for (size_t i = 0; i < now_open && !found; i++)
        found = !is_among(before, count, sockets[i].inode) && is_with(&sockets[i], client);
    free(sockets);
    return found;
}

/* Call, and see whether the process has answered, and not another one that accepts there. */
static bool call_once(pid_t process, int listener, const struct open_socket *before, size_t count,
                      int64_t end)
{
    struct pollfd waiting = {listener, POLLIN, 0};
    struct sockaddr_storage name = {0};
    socklen_t length = sizeof name;
    int client = call(listener);
    bool taken;

    if (client == -1)
        return false;
    while (poll(&waiting, 1, 0) == 1 && now() < end)
        nap();
    nap();
    taken = getsockname(client, (struct sockaddr *)&name, &length) == 0 &&
            has_taken(process, before, count, &name);
    close(client);
    return taken;
}

/* `requests` of the process wait there, at most. */
static void call_at(pid_t process, int listener, size_t requests)
{
    const int64_t end = now() + longest_calling;
    struct open_socket *before = NULL;
    size_t count = 0;
    size_t taken = 0;

    list_sockets(process, &before, &count);
    for (int i = 0; i < MOST_CALLS && taken < requests && now() < end; i++)
        taken += call_once(process, listener, before, count, end);
    free(before);
}

static void call_for_requests(pid_t process, int listener, const struct ring_waits *waits)
{
    if (waits->accepts > 0)
        call_at(process, listener, waits->accepts);
    else if (waits->polls > 0)
        call_and_hang_up(listener);
}

/* ---- the whole ---- */

/* Returns how many requests have ended, or -1 if there may be more. */
static long cancel_in_all(pid_t process, const struct rings *rings, const struct swap *swap)
{
    long ended = 0;

    for (size_t i = 0; i < rings->count; i++) {
        long result = have_requests_cancelled(process, rings->number[i], swap->from);

        if (result > 0 && ended != -1)
            ended += result;
        if (result < 0 && result != -ENOENT) {
            ended = -1;
            log_line(LEVEL_DEBUG, "trace: ring %d of process %d cannot be told to give up: %s",
                     rings->number[i], process, strerror((int)-result));
        }
    }
    if (ended > 0)
        log_line(LEVEL_DEBUG, "trace: %ld requests in rings of process %d end with ECANCELED",
                 ended, process);
    return ended;
}

/*
 * The kernel wakes one of those who wait in accept(). Had it woken a request that has ended since,
 * nobody would come for that client, before the next one.
 */
static bool leave_for(pid_t process, const struct rings *rings, const struct swap *swap)
{
    long ended = cancel_in_all(process, rings, swap);

    if (ended != 0)
        call_and_hang_up(swap->from);
    return ended != -1;
}

void leave_rings(pid_t process, struct swap *swaps, size_t count, bool reachable)
{
    struct rings rings = read_rings(process);
    struct ring_waits waits;

    for (size_t i = 0; i < count && rings.slots > 0; i++)
        if (swaps[i].done)
            replace_slots(process, &rings, &swaps[i]);
    /* as of now: what is requested from here on is at what is there instead */
    waits = rings.slots > 0 ? look_into_rings(process) : rings.waits;
    for (size_t i = 0; i < count && rings.count > 0; i++) {
        if (!swaps[i].done)
            continue;
        if (reachable || open_door(swaps[i].from) == 0)
            call_for_requests(process, swaps[i].from, &waits);
        if (!reachable)
            bind_to_no_interface(swaps[i].from);
        swaps[i].in_ring = !leave_for(process, &rings, &swaps[i]);
    }
    free_rings(&rings);
}

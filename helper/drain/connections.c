/*
 * /proc/PID/fd says which sockets the generation's processes hold. What each of
 * them is, the processes have reported as they retired; about others (taken
 * by accept() at that very moment) one process that holds them is asked. A
 * socket remains what it is, and a retired generation accepts no more: so the
 * count is mostly one of known sockets that are still held, and disturbs
 * nobody. Only when none is left is everything unknown looked into, and what is
 * on its way from one process to another.
 *
 * A process that has changed its uid may not be looked into without
 * CAP_SYS_PTRACE: proc(5). It can report like any other, and what it has
 * reported is held for as long as the kernel finds it by its addresses.
 */
#include "connections.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/base/clock.h"
#include "helper/generation/generation.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/sock_diag.h"
#include "helper/kernel/tcp_sockets.h"
#include "helper/kernel/unix_sockets.h"
#include "inquiry.h"
#include "judgement.h"
#include "look.h"
#include "passed.h"

/* A connection that the peer has reset stays open until the server closes it, if it ever does. */
static const int64_t check_pace = 2 * SECOND;
enum { CHECKS_PER_LOOK = 256 };

static enum lookup find_by_address(struct look *look, struct known_socket *known)
{
    enum lookup found = CANNOT_TELL;

    if (look->diag == -1)
        look->diag = open_sock_diag();
    if (known->family)
        found = find_tcp_socket(look->diag, known->family, &known->id, known->inode, NULL);
    known->checked = now();
    known->seen |= found == IS_THERE;
    return found;
}

/* A socket that is held: is it alive, or did the peer reset it? Only who was found can be lost. */
static bool is_alive(struct look *look, struct known_socket *known, int *checks)
{
    if (known->doubted || !known->family || *checks == 0 || now() - known->checked < check_pace)
        return true;
    (*checks)--;
    look->generation->drainage.sockets.last_checked = known->inode;
    if (find_by_address(look, known) != IS_GONE)
        return true;
    known->kind = known->seen ? NO_CONNECTION : UNDECIDED;
    known->doubted = true;
    return false;
}

/* A socket that was reported by a process that we cannot look into: is it still held? */
static bool is_still_there(struct look *look, struct known_socket *known)
{
    const struct inquiry *inquiry = &look->generation->drainage.inquiry;
    enum lookup found = find_by_address(look, known);

    if (known->seen && found == IS_GONE)
        known->kind = NO_CONNECTION;
    if (known->seen)
        return found != IS_GONE;
    if (!inquiry->open && known->said < inquiry->since)
        return false;
    look->doubtful = true;
    return true;
}

struct unix_tally {
    struct look *look;
    const struct endpoint *endpoint;
};

static bool count_unix_socket(const struct unix_socket *socket, void *argument)
{
    struct unix_tally *tally = argument;
    struct look *look = tally->look;

    if (socket->doubtful && find_held(look, socket->inode))
        look->error = EBADMSG;
    if (came_in_at(socket, tally->endpoint) &&
        (find_held(look, socket->inode) ||
         (look->blind_count > 0 && find_known(&look->generation->drainage.sockets, socket->inode))))
        look->left++;
    return true;
}

static void count_left(struct look *look)
{
    struct known_sockets *sockets = &look->generation->drainage.sockets;
    int checks = CHECKS_PER_LOOK;
    size_t first;

    tidy_known(sockets);
    first = count_up_to(sockets, sockets->last_checked); /* each has its turn to be checked */
    look->left = 0;
    look->doubtful = false;
    for (size_t i = 0; i < sockets->count; i++) {
        struct known_socket *known = &sockets->item[(first + i) % sockets->count];

        if (known->kind != CONNECTION)
            continue;
        if (find_held(look, known->inode))
            look->left += is_alive(look, known, &checks);
        else if (look->blind_count > 0)
            look->left += is_still_there(look, known);
    }
    for (size_t i = 0; i < look->generation->endpoint_count; i++) {
        struct unix_tally tally = {look, &look->generation->endpoints[i]};

        if (tally.endpoint->family == AF_UNIX &&
            for_each_unix_socket(count_unix_socket, &tally) == -1 && may_pass(errno))
            look->error = errno;
    }
}

/* What nobody holds any more need not be known. */
static void forget_closed(const struct look *look)
{
    struct known_sockets *sockets = &look->generation->drainage.sockets;
    size_t kept = 0;

    for (size_t i = 0; i < sockets->count; i++)
        if (find_held(look, sockets->item[i].inode) ||
            (look->blind_count > 0 &&
             (sockets->item[i].kind == CONNECTION ||
              sockets->item[i].said >= look->generation->drainage.inquiry.since)))
            sockets->item[kept++] = sockets->item[i];
    sockets->count = sockets->sorted = kept;
}

struct count count_connections(struct generation *generation)
{
    struct inquiry *inquiry = &generation->drainage.inquiry;
    struct look look = look_into_processes(generation);
    struct count count = {.certain = true, .blind = look.blind_count > 0};

    if (look.error == 0)
        count_left(&look);
    if (look.error) { /* what is not seen is not gone: nothing may be forgotten, and nobody asked */
        count = (struct count){.error = look.error};
        end_look(&look);
        return count;
    }
    if (!inquiry->open && (look.left == 0 || look.doubtful || !generation->drainage.counted))
        begin_inquiry(&look);
    if (inquiry->open) {
        count.certain = pursue_inquiry(&look);
        inquiry->open = !count.certain;
        count_left(&look);
    }
    if (look.left == 0)
        look.left = count_passed(&look);
    forget_closed(&look);
    count.left = look.left;
    generation->drainage.counted |= count.certain;
    end_look(&look);
    return count;
}

/*
 * One process that holds a socket is asked, by ORDER_COUNT: it disturbs whoever it interrupts. Of
 * one that takes no orders, the socket itself is asked, by a copy of the descriptor.
 */
#include "inquiry.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/processes/family.h"
#include "helper/processes/orders.h"
#include "helper/trace/borrow.h"
#include "judgement.h"
#include "look.h"
#include "preload/kernel/sockets.h"
#include "preload/wire/protocol.h"
#include "preload/wire/socket_report.h"
#include "socket_reports.h"

/* Who has not answered after this time, a stopped process, is judged from outside. */
static const int64_t patience = SECOND;

static bool serves_internet(const struct generation *generation)
{
    for (size_t i = 0; i < generation->endpoint_count; i++)
        if (generation->endpoints[i].family != AF_UNIX)
            return true;
    for (size_t i = 0; i < generation->datagram_count; i++)
        if (generation->datagrams[i].family != AF_UNIX)
            return true;
    return false;
}

void begin_inquiry(const struct look *look)
{
    struct generation *generation = look->generation;
    struct inquiry *inquiry = &generation->drainage.inquiry;

    forget_asked(&generation->asked);
    inquiry->open = true;
    inquiry->of_blind = look->left == 0 || look->doubtful;
    inquiry->since = inquiry->progress = now();
    inquiry->count = 0;
    for (size_t i = 0; i < look->held_count && serves_internet(generation); i++) {
        unsigned long long inode = look->held[i].inode;

        if ((i > 0 && look->held[i - 1].inode == inode) ||
            is_decided(&generation->drainage.sockets, inode))
            continue;
        inquiry->inode = grow(inquiry->inode, inquiry->count + 1, sizeof *inquiry->inode);
        inquiry->inode[inquiry->count++] = inode;
    }
}

/* What has been closed meanwhile, or decided, is no question any more. */
static void shorten_inquiry(const struct look *look)
{
    struct inquiry *inquiry = &look->generation->drainage.inquiry;
    size_t kept = 0;

    for (size_t i = 0; i < inquiry->count; i++)
        if (find_held(look, inquiry->inode[i]) &&
            !is_decided(&look->generation->drainage.sockets, inquiry->inode[i]))
            inquiry->inode[kept++] = inquiry->inode[i];
    if (kept < inquiry->count)
        inquiry->progress = now();
    inquiry->count = kept;
}

static const struct member *find_answerer(pid_t pid)
{
    const struct member *member = find_member(pid);

    return member && member->takes_orders && !member->sandboxed ? member : NULL;
}

/* Ask one of those that hold this socket. Returns false when none of them can answer. */
static bool ask_about(const struct look *look, unsigned long long inode)
{
    const struct open_socket *end = look->held + look->held_count;

    for (const struct open_socket *at = find_held(look, inode); at < end && at->inode == inode;
         at++) {
        const struct member *member = find_answerer(at->pid);

        if (member && order_member(&look->generation->asked, member, ORDER_COUNT))
            return true;
    }
    return false;
}

/* False where the descriptor is not to be had, is another's by now, or cannot be looked at. */
static bool ask_socket(const struct look *look, unsigned long long inode)
{
    const struct open_socket *held = find_held(look, inode);
    int fd = held ? borrow_descriptor(held->pid, held->fd) : -1;
    bool same = fd != -1 && socket_inode(fd) == inode;
    struct socket_report report = {.inode = inode};
    bool told = same && describe_connection(fd, &report);

    if (told)
        socket_described(look->generation, &report);
    if (fd != -1)
        close(fd);
    return told;
}

/* Ask those that we cannot look into. Returns whether one of them owes an answer. */
static bool ask_blind(struct look *look, bool impatient)
{
    bool owed = false;

    for (size_t i = 0; i < look->blind_count; i++) {
        const struct member *member = find_answerer(look->blind[i]);
        bool silent = member && look->generation->drainage.inquiry.of_blind &&
                      order_member(&look->generation->asked, member, ORDER_COUNT);

        if (!member || (silent && impatient))
            owed |= !take_all(look);
        else
            owed |= silent;
    }
    return owed;
}

bool pursue_inquiry(struct look *look)
{
    struct inquiry *inquiry = &look->generation->drainage.inquiry;
    unsigned long long *mute;
    size_t mute_count = 0;
    bool impatient;
    bool owed;

    shorten_inquiry(look);
    impatient = now() - inquiry->progress > patience;
    owed = ask_blind(look, impatient);
    mute = allocate(inquiry->count + 1, sizeof *mute);
    for (size_t i = 0; i < inquiry->count; i++) {
        if (!impatient && ask_about(look, inquiry->inode[i]))
            owed = true;
        else if (!ask_socket(look, inquiry->inode[i]))
            mute[mute_count++] = inquiry->inode[i];
    }
    if (mute_count > 0)
        owed |= !judge_from_outside(look, mute, mute_count);
    free(mute);
    return !owed;
}

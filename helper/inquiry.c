/* One process that holds a socket is asked, by ORDER_COUNT: it disturbs whoever it interrupts. */
#include "inquiry.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "clock.h"
#include "family.h"
#include "generation.h"
#include "judgement.h"
#include "look.h"
#include "memory.h"
#include "orders.h"

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
    struct inquiry *inquiry = &generation->inquiry;

    forget_asked(generation);
    inquiry->open = true;
    inquiry->of_blind = look->left == 0 || look->doubtful;
    inquiry->since = inquiry->progress = now();
    inquiry->count = 0;
    for (size_t i = 0; i < look->held_count && serves_internet(generation); i++) {
        unsigned long long inode = look->held[i].inode;

        if ((i > 0 && look->held[i - 1].inode == inode) || is_decided(&generation->sockets, inode))
            continue;
        inquiry->inode = grow(inquiry->inode, inquiry->count + 1, sizeof *inquiry->inode);
        inquiry->inode[inquiry->count++] = inode;
    }
}

/* What has been closed meanwhile, or decided, is no question any more. */
static void shorten_inquiry(const struct look *look)
{
    struct inquiry *inquiry = &look->generation->inquiry;
    size_t kept = 0;

    for (size_t i = 0; i < inquiry->count; i++)
        if (find_held(look, inquiry->inode[i]) &&
            !is_decided(&look->generation->sockets, inquiry->inode[i]))
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

        if (member && order_member(look->generation, member, ORDER_COUNT))
            return true;
    }
    return false;
}

/* Ask those that we cannot look into. Returns whether one of them owes an answer. */
static bool ask_blind(struct look *look, bool impatient)
{
    bool owed = false;

    for (size_t i = 0; i < look->blind_count; i++) {
        const struct member *member = find_answerer(look->blind[i]);
        bool silent = member && look->generation->inquiry.of_blind &&
                      order_member(look->generation, member, ORDER_COUNT);

        if (!member || (silent && impatient))
            take_all(look);
        else
            owed |= silent;
    }
    return owed;
}

bool pursue_inquiry(struct look *look)
{
    struct inquiry *inquiry = &look->generation->inquiry;
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
        else
            mute[mute_count++] = inquiry->inode[i];
    }
    if (mute_count > 0)
        judge_from_outside(look, mute, mute_count);
    free(mute);
    return !owed;
}

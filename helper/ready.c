/*
 * The first wait for clients is the sign. A program that listens on less than
 * its predecessor, or whose parts start one after the other, leaves something
 * unclaimed at that moment: then a quiet second decides.
 */
#include "ready.h"

#include "adopt.h"
#include "clock.h"
#include "fail.h"
#include "generation.h"
#include "log.h"
#include "memory.h"
#include "orders.h"
#include "receivers.h"
#include "retire.h"
#include "settings.h"
#include "story.h"
#include "unfit.h"
#include "upgrade.h"

static const int64_t settling_time = SECOND;

/* recvfrom() of a blocking socket is not wrapped, so /proc is asked for who is in it. */
static const int64_t receiver_pace = 5 * MILLISECOND;

/* How often, and how far apart, listeners with a queue are registered anew. */
enum { MOST_REARMED = 4 };
static const int64_t rearm_pace = 20 * MILLISECOND;

static void become_current(struct generation *generation)
{
    struct generation *old = current;

    current = generation;
    enter(generation, READY, 0);
    if (old) {
        release(&old->inheritance); /* what is still needed, its successor has inherited */
        allow_second_senders(&generation->inheritance);
        begin_retiring(old);
    }
    upgrade_over();
}

static void log_unclaimed(const struct generation *generation)
{
    char address[ADDRESS_TEXT];

    for (size_t i = 0; i < generation->inheritance.count; i++)
        if (!generation->inheritance.item[i].claimed)
            log_line(LEVEL_INFO, "generation %u: does not listen on %s any more: it is closed",
                     generation->number, address_text(&generation->inheritance.item[i], address));
}

static void ready(struct generation *generation)
{
    log_line(LEVEL_INFO, "generation %u: ready after %s, pid %d", generation->number,
             duration_text(now() - generation->started), generation->first);
    log_unclaimed(generation);
    tell_ready(generation);
    become_current(generation);
}

void settle_or_ready(struct generation *generation)
{
    int64_t left = generation->deadline - now();

    if (!generation->waits)
        return;
    claim_what_is_held(generation);
    if (fully_claimed(&generation->inheritance)) {
        ready(generation);
        return;
    }
    enter(generation, SETTLING, left < settling_time ? left : settling_time);
}

void settled(struct generation *generation)
{
    ready(generation);
}

static void ready_timed_out(struct generation *generation)
{
    if (current) {
        fail_upgrade(generation,
                     "not ready within the ready timeout of %s: no thread waits for "
                     "clients on a listener that tfpreload can see",
                     duration_text(settings.ready_timeout));
        return;
    }
    /* the first one is the user's own start: it may be no server, or one that we cannot see */
    log_line(LEVEL_INFO,
             "generation %u: does not wait for clients after %s; it runs on, but its "
             "listeners, if it has any, cannot be inherited",
             generation->number, duration_text(now() - generation->started));
    warn_of_unfit_members(generation);
    become_current(generation);
}

void datagram_socket_bound(struct generation *generation, uint64_t inode)
{
    if (generation->state != STARTING && generation->state != SETTLING)
        return;
    generation->bound =
        grow(generation->bound, generation->bound_count + 1, sizeof *generation->bound);
    generation->bound[generation->bound_count++] = inode;
    if (generation->state == STARTING)
        generation->next_timer = now() + receiver_pace;
}

void wait_for_ready(struct generation *generation)
{
    if (now() >= generation->deadline) {
        ready_timed_out(generation);
    } else if (has_receiver(generation)) {
        generation->waits = true;
        happen(generation, WAITING);
    } else {
        generation->next_timer = now() + receiver_pace;
    }
}

void finish_upgrade(struct generation *generation)
{
    if (queued(&generation->inheritance) == 0 || generation->rearmed == MOST_REARMED) {
        release(&generation->inheritance);
        return;
    }
    /* somebody waits: a busy server will come to it, one that was not woken must be */
    if (generation->rearmed++ > 0)
        announce(generation, ORDER_REARM);
    generation->next_timer = now() + rearm_pace;
}

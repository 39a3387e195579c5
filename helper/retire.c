/*
 * A server that forks for each client forks between our look and our order, and
 * the child still holds the listener. So retiring is over when a new look finds
 * nobody who has not answered, not when everybody of the first look has.
 */
#include "retire.h"

#include <string.h>

#include "clock.h"
#include "drain.h"
#include "generation.h"
#include "log.h"
#include "orders.h"
#include "ready.h"
#include "replacements.h"
#include "settings.h"
#include "stop.h"
#include "story.h"

static const int64_t retire_pace = 5 * MILLISECOND;

/* How long the old generation may take to empty the queue of a listener that nobody claimed. */
static const int64_t empty_queue_time = SECOND;

/* How often it is told to look at that queue. */
static const int64_t wake_pace = 100 * MILLISECOND;

static const int64_t complain_after = SECOND;

void begin_retiring(struct generation *old)
{
    forget_asked(old);
    enter(old, RETIRING, retire_pace);
    old->deadline = now() + settings.exit_timeout;
    retire_again(old);
}

static void complain(struct generation *old)
{
    old->complained = true;
    log_line(LEVEL_ERROR, "generation %u: process %d has not given up its listeners after %s",
             old->number, find_silent(old), duration_text(now() - old->since));
}

void retire_again(struct generation *old)
{
    old->next_timer = now() + retire_pace;
    /* what the new generation does not listen on is closed, but not on clients in its queue */
    if (hush_unclaimed(&current->inheritance) > 0 && now() - old->since < empty_queue_time) {
        if (now() - old->since > wake_pace * (old->rearmed + 1)) { /* it may not have been woken */
            old->rearmed++;
            announce(old, ORDER_REARM);
        }
        return;
    }
    if (order_members(old, old, ORDER_RETIRE) == 0) {
        happen(old, ANSWERED);
        return;
    }
    if (now() - old->since > complain_after && !old->complained)
        complain(old);
    if (now() > old->deadline && now() - old->since > complain_after)
        begin_stopping(old, "did not give up its listeners");
}

void process_retired(struct generation *old, pid_t pid, int error)
{
    if (error) {
        log_line(LEVEL_DEBUG, "generation %u: process %d cannot give up its listeners: %s",
                 old->number, pid, strerror(error));
        return;
    }
    if (old->state == RETIRING && note_answer(old, pid) && !find_silent(old))
        retire_again(old);
}

void retired(struct generation *old)
{
    bool more = false;

    log_line(LEVEL_INFO, "generation %u: retired after %s: it accepts no more", old->number,
             duration_text(now() - old->since));
    tell_retired(old);
    forget_asked(old);
    begin_draining(old);
    for (const struct generation *g = generations; g; g = g->older)
        more |= g->state == RETIRING;
    if (more)
        return;
    close_replacements();
    forbid_second_senders(&current->inheritance);
    finish_upgrade(current);
}

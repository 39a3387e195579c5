/*
 * A server that forks for each client forks between our look and our order, and
 * the child still holds the listener. So retiring is over when a new look finds
 * nobody who has not answered, not when everybody of the first look has.
 *
 * A leftover, on which the successor does not listen any more, is closed, but
 * not on clients that wait there: nobody new is let in, and the old generation
 * keeps it until its queue is empty. Hence two rounds of orders, where there is one.
 */
#include "retire.h"

#include <string.h>

#include "clock.h"
#include "drain.h"
#include "generation.h"
#include "leftovers.h"
#include "log.h"
#include "orders.h"
#include "ready.h"
#include "replacements.h"
#include "settings.h"
#include "shrinking_set.h"
#include "stop.h"
#include "story.h"

static const int64_t retire_pace = 5 * MILLISECOND;

/* While a queue is being emptied. To look at one of a unix socket costs a list of them all. */
static const int64_t empty_pace = 20 * MILLISECOND;

/* Who was let in last may be far away, and has yet to complete the handshake. */
static const int64_t handshake_time = 100 * MILLISECOND;

/* A server may not have been woken for what waits: it is told to look after this, twice this, … */
static const int64_t wake_pace = 100 * MILLISECOND;

static const int64_t complain_after = SECOND;

/* How long somebody who joins a SO_REUSEPORT set needs from bind() to listen(), at most. */
static const int64_t join_time = SECOND;

static int64_t sets_rejoined_at = -SECOND;

static void begin_round(struct generation *old, enum round round)
{
    forget_asked(old);
    old->round = round;
    old->asked_at = now();
}

/* Let nobody in any more at the leftovers, or first at those that are of no set. */
static void hush(struct generation *old, bool leave_sets)
{
    const struct inheritance *claimed = old == current ? NULL : &current->inheritance;

    if (hush_leftovers(&old->inheritance, claimed, leave_sets) == 0)
        old->hushed_at = now();
}

void let_join_sets(const struct listener_key *key)
{
    if (!has_left_sets(key))
        return;
    for (struct generation *g = generations; g; g = g->older) {
        if (g->state != RETIRING)
            continue;
        for (size_t i = 0; i < g->inheritance.count; i++)
            rejoin_set(&g->inheritance.item[i]);
        g->hushed_at = 0; /* clients come to its leftovers again */
    }
    rejoin_twins();
    sets_rejoined_at = now();
}

void begin_retiring(struct generation *old)
{
    enter(old, RETIRING, retire_pace);
    old->deadline = now() + settings.exit_timeout;
    old->rearmed = 0;
    old->hushed_at = 0;
    hush(old, false);
    begin_round(old, GIVE_UP);
    retire_again(old);
}

bool may_keep_listeners(const struct generation *old)
{
    return old->state == RETIRING && old->round == GIVE_UP && old->inheritance.count > 0;
}

bool may_still_receive(const struct generation *old)
{
    return old->state == RETIRING && old->round == GIVE_UP;
}

bool keeps_listener(struct generation *old, uint64_t inode)
{
    return may_keep_listeners(old) && is_left_over(&old->inheritance, inode);
}

/* However it has ended: what was needed for it is not any more. */
static void retiring_over(struct generation *old)
{
    bool more = false;

    release(&old->inheritance);
    let_join_sets(NULL);
    for (const struct generation *g = generations; g; g = g->older)
        more |= g != old && g->state == RETIRING;
    if (more || !current)
        return;
    close_replacements();
    forbid_second_senders(&current->inheritance);
    finish_upgrade(current);
}

static void complain(struct generation *old)
{
    old->complained = true;
    log_line(LEVEL_ERROR, "generation %u: process %d has not given up its listeners after %s",
             old->number, find_silent(old), duration_text(now() - old->asked_at));
}

/* Only after half of the time is it hopeless that a busy queue is empty by itself for a moment. */
static bool is_time_to_hush(const struct generation *old, size_t waiting)
{
    /* what is collected is remembered as it is, and whoever joins a set binds, then listens */
    if (generations->state == COLLECTING || now() - sets_rejoined_at < join_time)
        return false;
    return old->hushed_at == 0 && (waiting == 0 || now() - old->since > settings.exit_timeout / 2);
}

static bool is_empty(const struct generation *old, size_t waiting)
{
    return waiting == 0 && old->hushed_at != 0 && now() - old->hushed_at >= handshake_time;
}

static void empty_queues(struct generation *old)
{
    size_t waiting = queued_on_leftovers(&old->inheritance);
    bool late = now() >= old->deadline;

    old->next_timer = now() + empty_pace;
    if (is_time_to_hush(old, waiting))
        hush(old, true);
    if (late && waiting > 0)
        log_line(LEVEL_INFO, "generation %u: exit timeout, and clients wait in a queue",
                 old->number);
    if (late || is_empty(old, waiting)) {
        begin_round(old, GIVE_UP_ALL);
        retire_again(old);
    } else if (now() - old->asked_at > wake_pace << old->rearmed) {
        old->rearmed++;
        announce(old, ORDER_REARM);
    }
}

void retire_again(struct generation *old)
{
    if (old->round == EMPTY_QUEUES) {
        empty_queues(old);
        return;
    }
    old->next_timer = now() + retire_pace;
    if (order_members(old, old, ORDER_RETIRE) == 0) {
        if (old->round == GIVE_UP && old->inheritance.count > 0)
            begin_round(old, EMPTY_QUEUES);
        else
            happen(old, ANSWERED);
        return;
    }
    if (now() - old->asked_at > complain_after && !old->complained)
        complain(old);
    if (now() > old->deadline && now() - old->asked_at > complain_after) {
        retiring_over(old);
        begin_stopping(old, "did not give up its listeners");
    }
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
    log_line(LEVEL_INFO, "generation %u: retired after %s: it accepts no more", old->number,
             duration_text(now() - old->since));
    tell_retired(old);
    forget_asked(old);
    begin_draining(old);
    retiring_over(old);
}

void ended_while_retiring(struct generation *old)
{
    log_line(LEVEL_INFO, "generation %u: %s before it had retired", old->number,
             old->exited ? ending_text(old->wait_status) : "ended");
    forget_asked(old);
    retiring_over(old);
    gone(old);
}

/*
 * A server that forks for each client forks between our look and our order, and
 * the child still holds the listener. So retiring is over when a new look finds
 * nobody who has not answered, not when everybody of the first look has.
 *
 * A leftover, on which the successor does not listen any more, is closed, but
 * not on clients that wait there: nobody new is let in, and the old generation
 * keeps it until its queue is empty. So its processes are told twice, where there is one.
 */
#include "retire.h"

#include <string.h>

#include "drain.h"
#include "finish.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/leftovers.h"
#include "helper/listeners/replacements.h"
#include "helper/listeners/shrinking_set.h"
#include "helper/outside/story.h"
#include "helper/processes/family.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "stop.h"
#include "traced.h"

static const int64_t retire_pace = 5 * MILLISECOND;

/* While a queue is being emptied. To look at one of a unix socket costs a list of them all. */
static const int64_t empty_pace = 20 * MILLISECOND;

/* Who was let in last may be far away, and has yet to complete the handshake. */
static const int64_t handshake_time = 100 * MILLISECOND;

/* A server may not have been woken for what waits: it is told to look after this, twice this, … */
static const int64_t wake_pace = 100 * MILLISECOND;

/* Where the exit timeout is none, a busy queue is closed to new clients after half of this. */
static const int64_t longest_emptying = 30 * SECOND;

static const int64_t complain_after = SECOND;

/* How long somebody who joins a SO_REUSEPORT set needs from bind() to listen(), at most. */
static const int64_t join_time = SECOND;

static int64_t sets_rejoined_at = -SECOND;

/* Its processes are told something new. */
static void tell_anew(struct generation *old, enum state state)
{
    enter(old, state, retire_pace);
    forget_asked(&old->asked);
    old->retirement.asked_at = now();
}

/* Let nobody in any more at the leftovers, or first at those that are of no set. */
static void hush(struct generation *old, bool leave_sets)
{
    const struct inheritance *claimed = old == current || !current ? NULL : &current->inheritance;

    if (hush_leftovers(&old->inheritance, claimed, leave_sets) == 0)
        old->retirement.hushed_at = now();
}

void let_join_sets(const struct listener_key *key)
{
    if (!has_left_sets(key))
        return;
    for (struct generation *g = generations; g; g = g->older) {
        if (!is_retiring(g->state))
            continue;
        for (size_t i = 0; i < g->inheritance.count; i++)
            rejoin_set(&g->inheritance.item[i]);
        g->retirement.hushed_at = 0; /* clients come to its leftovers again */
    }
    rejoin_twins();
    sets_rejoined_at = now();
}

void begin_retiring(struct generation *old)
{
    old->retirement = (struct retirement){.begun = now()};
    old->deadline = now() + settings.exit_timeout;
    close_replacements(); /* a generation that ends may shut down those that it has: shutdown(2) */
    hush(old, false);
    tell_anew(old, RETIRING);
    retire_again(old);
}

bool may_keep_listeners(const struct generation *old)
{
    return old->state == RETIRING && old->inheritance.count > 0;
}

bool may_still_receive(const struct generation *old)
{
    return old->state == RETIRING;
}

bool keeps_listener(struct generation *old, uint64_t inode)
{
    return may_keep_listeners(old) && is_left_over(&old->inheritance, inode);
}

void retirement_over(struct generation *old)
{
    bool more = false;

    release(&old->inheritance);
    let_join_sets(NULL);
    for (const struct generation *g = generations; g; g = g->older)
        more |= g != old && is_retiring(g->state);
    if (more)
        return;
    close_replacements();
    if (!current)
        return;
    call_traced_out_of_accept(current);
    forbid_second_senders(&current->inheritance);
    finish_upgrade(current);
}

void abandon_retirement(struct generation *old)
{
    welcome_at_leftovers(&old->inheritance);
    release(&old->inheritance);
    let_join_sets(NULL);
    close_replacements();
}

/* What the kernel knows of a process that does not answer. */
static const char *why_silent(pid_t pid)
{
    struct proc_status status;

    if (read_status(pid, &status) != IS_THERE)
        return "it cannot be looked at";
    if (status.state == 'T' || status.state == 't')
        return "it is stopped";
    if (status.state == 'D')
        return "it waits in the kernel, for a disk maybe";
    if (status.blocked & UINT64_C(1) << (ORDER_SIGNAL - 1))
        return "it blocks SIGURG";
    return "it does not answer";
}

static void complain(struct generation *old)
{
    pid_t silent = old->retirement.holding ? old->retirement.holding : find_silent(&old->asked);

    old->complained = true;
    if (!silent)
        log_line(LEVEL_ERROR, "generation %u: its processes cannot be looked into: %s", old->number,
                 strerror(latest_family()->error));
    else
        log_line(LEVEL_ERROR,
                 "generation %u: process %d has not given up its listeners after %s: %s",
                 old->number, silent, duration_text(now() - old->retirement.asked_at),
                 why_silent(silent));
}

static int64_t emptying_time(void)
{
    return settings.exit_timeout == endless ? longest_emptying : settings.exit_timeout;
}

/* Only after half of the time is it hopeless that a busy queue is empty by itself for a moment. */
static bool is_time_to_hush(const struct generation *old, size_t waiting)
{
    /* what is collected is remembered as it is, and whoever joins a set binds, then listens */
    if (is_collecting(generations->state) || now() - sets_rejoined_at < join_time)
        return false;
    return old->retirement.hushed_at == 0 &&
           (waiting == 0 || now() - old->retirement.begun > emptying_time() / 2);
}

static bool is_empty(const struct generation *old, size_t waiting)
{
    return waiting == 0 && old->retirement.hushed_at != 0 &&
           now() - old->retirement.hushed_at >= handshake_time;
}

void empty_queues(struct generation *old)
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
        tell_anew(old, CLOSING);
        retire_again(old);
    } else if (now() - old->retirement.asked_at > wake_pace << old->retirement.rearmed) {
        old->retirement.rearmed++;
        announce(old->number, ORDER_REARM);
        rearm_traced(old);
    }
}

static void retired(struct generation *old)
{
    log_line(LEVEL_INFO, "generation %u: retired after %s: it accepts no more", old->number,
             duration_text(now() - old->retirement.begun));
    tell_retired(old);
    forget_asked(&old->asked);
    begin_draining(old);
    retirement_over(old);
}

void retire_again(struct generation *old)
{
    int64_t asked_for;
    size_t silent;

    old->retirement.holding = retire_traced(old, keeps_listener);
    silent = order_members(&old->asked, old->number, ORDER_RETIRE);
    old->next_timer = now() + pace_of_orders(&old->asked, retire_pace);
    if (silent == 0 && !old->retirement.holding) {
        if (may_keep_listeners(old))
            tell_anew(old, EMPTYING);
        else
            retired(old);
        return;
    }
    if (latest_family()->error)
        log_line(LEVEL_DEBUG, "generation %u: its processes cannot be looked into: %s", old->number,
                 strerror(latest_family()->error));
    asked_for = now() - old->retirement.asked_at;
    if (asked_for > complain_after && !old->complained)
        complain(old);
    if (now() > old->deadline && asked_for > complain_after) {
        retirement_over(old);
        begin_stopping(old, "did not give up its listeners");
    }
}

void process_retired(struct generation *old, pid_t pid, int error)
{
    if (error) {
        log_line(error == old->retirement.error ? LEVEL_DEBUG : LEVEL_INFO,
                 "generation %u: process %d cannot give up its listeners: %s", old->number, pid,
                 strerror(error));
        old->retirement.error = error; /* it is asked again, and says so again */
        return;
    }
    if (is_retiring(old->state) && note_answer(&old->asked, pid) && !find_silent(&old->asked))
        happen(old, ANSWERED);
}

void ended_while_retiring(struct generation *old)
{
    log_line(LEVEL_INFO, "generation %u: %s before it had retired", old->number,
             old->exited ? end_of(old) : "ended");
    forget_asked(&old->asked);
    retirement_over(old);
    gone(old);
}

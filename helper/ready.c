/*
 * The first wait for clients is the sign. A program that listens on less than
 * its predecessor, or whose parts start one after the other, leaves something
 * unclaimed at that moment: then a quiet second decides.
 */
#include "ready.h"

#include <stdio.h>

#include "activation.h"
#include "adopt.h"
#include "clock.h"
#include "fail.h"
#include "generation.h"
#include "growing_set.h"
#include "leftovers.h"
#include "log.h"
#include "memory.h"
#include "notices.h"
#include "orders.h"
#include "probe.h"
#include "ready_pipe.h"
#include "receivers.h"
#include "retire.h"
#include "settings.h"
#include "story.h"
#include "strays.h"
#include "unfit.h"
#include "upgrade.h"

static const int64_t settling_time = SECOND;

/* recvfrom() of a blocking socket is not wrapped, so /proc is asked for who is in it. */
static const int64_t receiver_pace = 5 * MILLISECOND;

/* After a probe has succeeded, or a delay passed, and nothing inherited is claimed yet. */
static const int64_t retry_pace = 20 * MILLISECOND;

/* How often, and how far apart, listeners with a queue are registered anew. */
enum { MOST_REARMED = 4 };
static const int64_t rearm_pace = 20 * MILLISECOND;

static void become_current(struct generation *generation)
{
    struct generation *old = current;

    current = generation;
    enter(generation, READY, 0);
    open_to_all(&generation->inheritance);
    if (old) {
        release(&old->inheritance); /* what is still needed, its successor has inherited */
        allow_second_senders(&generation->inheritance);
        old->inheritance = take_leftovers(&generation->inheritance);
        begin_retiring(old);
    } else {
        finish_upgrade(generation); /* from what has activated us, if anything has */
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

/* Whatever else could say that it is ready is not asked any more. */
static void end_readiness(struct generation *generation)
{
    close_ready_pipe(generation);
    end_probe(generation);
}

static void say_ready(struct generation *generation)
{
    end_readiness(generation);
    log_line(LEVEL_INFO, "generation %u: ready after %s, pid %d", generation->number,
             duration_text(now() - generation->started), generation->first);
    log_unclaimed(generation);
    tell_ready(generation);
}

static void ready(struct generation *generation)
{
    say_ready(generation);
    become_current(generation);
}

/*
 * What says that a generation is ready, where its listeners have to show it as
 * well. A delay passes without them, and a probe may be answered by the old
 * generation; the server's own word (READY=1, a newline) needs nothing more.
 */
static bool has_shown_readiness(const struct generation *generation)
{
    switch (settings.ready.by) {
    case READY_AUTO:
        return generation->waits && !has_to_say_ready(generation);
    case READY_DELAY:
    case READY_PROBE:
        return generation->told;
    default:
        return false;
    }
}

void settle_or_ready(struct generation *generation)
{
    int64_t left = generation->deadline - now();

    if (!has_shown_readiness(generation))
        return;
    review_claims(generation);
    if (fully_claimed(&generation->inheritance)) {
        ready(generation);
        return;
    }
    if (left < 1) /* overtaken by this event: the timer is due at once */
        left = 1;
    enter(generation, SETTLING, left < settling_time ? left : settling_time);
}

void begin_readiness(struct generation *generation)
{
    if (settings.ready.by == READY_DELAY) {
        generation->next_timer = generation->started + settings.ready.delay;
        generation->deadline = generation->next_timer + settings.ready_timeout;
    }
    expect_given_datagrams(generation);
    run_probe(generation);
}

static bool takes_its_word(void)
{
    return settings.ready.by != READY_DELAY && settings.ready.by != READY_PROBE;
}

void ready_as_told(struct generation *generation)
{
    generation->told = true;
    review_claims(generation);
    if (takes_its_word())
        ready(generation);
    else if (generation->inheritance.count == 0 || partly_claimed(&generation->inheritance))
        settle_or_ready(generation);
    else
        generation->next_timer = now() + retry_pace;
}

void settled(struct generation *generation)
{
    review_claims(generation);
    ready(generation);
}

/* What a generation that is not ready has not done. */
static const char *what_is_missing(const struct generation *generation)
{
    static char text[512];

    if (settings.ready.by == READY_DESCRIPTOR)
        snprintf(text, sizeof text, "it has written no newline to descriptor %d",
                 settings.ready.descriptor);
    else if (generation->told)
        return "it has claimed none of the listeners";
    else if (settings.ready.by == READY_PROBE)
        snprintf(text, sizeof text, "the probe does not succeed: %s", settings.ready.command);
    else if (has_to_say_ready(generation))
        return "it has not said READY=1";
    else
        return "no thread waits for clients on a listener that tfpreload can see";
    return text;
}

static void ready_timed_out(struct generation *generation)
{
    if (current) {
        fail_upgrade(generation, "not ready within the ready timeout of %s: %s",
                     duration_text(settings.ready_timeout), what_is_missing(generation));
        return;
    }
    /* the first one is the user's own start: it may be no server, or one that we cannot see */
    if (settings.ready.by == READY_AUTO)
        log_line(LEVEL_INFO,
                 "generation %u: does not wait for clients after %s; it runs on, but its "
                 "listeners, if it has any, cannot be inherited",
                 generation->number, duration_text(now() - generation->started));
    else
        log_line(LEVEL_INFO, "generation %u: not ready after %s: %s; it runs on",
                 generation->number, duration_text(now() - generation->started),
                 what_is_missing(generation));
    warn_of_unfit_members(generation);
    end_probe(generation); /* its pipe stays: a newline into one that is closed would end it */
    generation->unready = true;
    become_current(generation);
    tell_unready(generation);
}

static void ready_late(struct generation *generation)
{
    generation->unready = false;
    say_ready(generation);
}

void waits_late(struct generation *generation)
{
    if (generation->unready && has_shown_readiness(generation))
        ready_late(generation);
}

void told_late(struct generation *generation)
{
    if (generation->unready && takes_its_word())
        ready_late(generation);
}

void datagram_socket_bound(struct generation *generation, uint64_t inode)
{
    if (generation->state != STARTING && generation->state != SETTLING)
        return;
    generation->bound =
        grow(generation->bound, generation->bound_count + 1, sizeof *generation->bound);
    generation->bound[generation->bound_count++] = inode;
    if (generation->state == STARTING && settings.ready.by == READY_AUTO)
        generation->next_timer = now() + receiver_pace;
}

void wait_for_ready(struct generation *generation)
{
    if (now() >= generation->deadline) {
        ready_timed_out(generation);
        return;
    }
    generation->next_timer = generation->deadline;
    if (settings.ready.by == READY_DELAY) {
        happen(generation, TOLD);
    } else if (settings.ready.by == READY_PROBE) {
        run_probe(generation);
    } else if (settings.ready.by == READY_AUTO && generation->bound_count > 0) {
        generation->next_timer = now() + receiver_pace;
        if (has_receiver(generation)) {
            generation->waits = true;
            happen(generation, WAITING);
        }
    }
}

/* Once, at the end of its ready timeout: by then a program that is slow has bound, too. */
static void look_for_strays(struct generation *generation)
{
    int64_t due = generation->started + settings.ready_timeout;

    if (generation->state != READY || generation->unready || generation->looked_for_strays)
        return;
    if (now() < due) {
        generation->next_timer = due;
        return;
    }
    generation->looked_for_strays = true;
    generation->next_timer = 0;
    warn_of_strays(generation);
}

void finish_upgrade(struct generation *generation)
{
    if (queued(&generation->inheritance) == 0 || generation->rearmed == MOST_REARMED) {
        release(&generation->inheritance);
        look_for_strays(generation);
        return;
    }
    /* somebody waits: a busy server will come to it, one that was not woken must be */
    if (generation->rearmed++ > 0)
        announce(generation, ORDER_REARM);
    generation->next_timer = now() + rearm_pace;
}

/*
 * The first wait for clients is the sign. A program that listens on less than
 * its predecessor, or whose parts start one after the other, leaves something
 * unclaimed at that moment: then a quiet second decides.
 */
#include "ready.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adopt.h"
#include "ending.h"
#include "finish.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/listeners/activation.h"
#include "helper/listeners/growing_set.h"
#include "helper/listeners/leftovers.h"
#include "helper/outside/notices.h"
#include "helper/outside/probe.h"
#include "helper/outside/ready_pipe.h"
#include "helper/outside/story.h"
#include "helper/processes/contended_lock.h"
#include "helper/settings/settings.h"
#include "keep.h"
#include "probation.h"
#include "receivers.h"
#include "sessions.h"
#include "signalling.h"
#include "strays.h"
#include "takeover.h"
#include "traced.h"
#include "trial.h"

static const int64_t settling_time = SECOND;

/*
 * Some waits are seen in /proc alone: receivers.c. A look costs the more the larger
 * the program is, and who starts for long can wait for it a little longer.
 */
static const int64_t least_pace = 5 * MILLISECOND;
static const int64_t most_pace = 100 * MILLISECOND;

/* A server may open one for each of its clients: the oldest are forgotten. */
enum { MOST_BOUND = 4096 };

/* Between the failure of a probe and the start of the next one. */
static const int64_t probe_pace = 50 * MILLISECOND;

/* After a probe has succeeded, or a delay passed, and nothing inherited is claimed yet. */
static const int64_t retry_pace = 20 * MILLISECOND;

static void become_current(struct generation *generation, enum state state)
{
    struct generation *old = current;

    current = generation;
    enter(generation, state, 0);
    open_to_all(&generation->inheritance);
    if (old) {
        expect_no_end();
        release(&old->inheritance); /* what is still needed, its successor has inherited */
        hand_over_sessions(generation, old);
        allow_second_senders(&generation->inheritance);
        old->inheritance = take_leftovers(&generation->inheritance);
        happen(old, REPLACED);
        taken_over(old);
        begin_probation(generation);
    } else {
        forbid_second_senders(&generation->inheritance); /* its predecessor is gone: overlap.c */
        finish_upgrade(generation); /* from what has activated us, if anything has */
    }
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
    send_kept_signals(generation);
    tell_ready(generation);
}

static void ready(struct generation *generation)
{
    say_ready(generation);
    become_current(generation, READY);
}

static void ready_or_trial(struct generation *generation)
{
    if (needs_trial(generation))
        begin_trial(generation);
    else
        ready(generation);
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
        return generation->signs.waits && !has_to_say_ready(generation);
    case READY_DELAY:
    case READY_PROBE:
        return generation->signs.told;
    default:
        return false;
    }
}

/*
 * What is unclaimed when a generation becomes ready is closed to everybody: so nothing is unclaimed
 * because it could not be looked at. Look again, and when the ready timeout ends, give up.
 */
static void look_again(struct generation *generation, int error)
{
    if (now() >= generation->deadline) {
        fail_upgrade(generation, "its processes cannot be looked into: %s", strerror(error));
        return;
    }
    log_line(LEVEL_DEBUG, "generation %u: its processes cannot be looked into: %s",
             generation->number, strerror(error));
    if (generation->state != SETTLING)
        enter(generation, SETTLING, 0);
    generation->next_timer = now() + retry_pace;
}

/* Is it known what the generation holds? The first one has no predecessor whose clients could lose.
 */
static bool has_been_seen(struct generation *generation)
{
    if (review_claims(generation) || !current)
        return true;
    look_again(generation, errno);
    return false;
}

void settle_or_ready(struct generation *generation)
{
    int64_t left = generation->deadline - now();

    if (!has_shown_readiness(generation) || !has_been_seen(generation))
        return;
    if (fully_claimed(&generation->inheritance)) {
        ready_or_trial(generation);
        return;
    }
    if (left < 1) /* overtaken by this event: the timer is due at once */
        left = 1;
    enter(generation, SETTLING, left < settling_time ? left : settling_time);
}

static void note_given(uint64_t inode, void *generation)
{
    socket_bound(generation, inode);
}

void begin_readiness(struct generation *generation)
{
    if (settings.ready.by == READY_DELAY) {
        generation->next_timer = generation->started + settings.ready.delay;
        generation->deadline = generation->next_timer + settings.ready_timeout;
    }
    for_each_given_datagram(note_given, generation);
    note_given_to_traced(generation);
    run_probe(generation);
}

static bool takes_its_word(void)
{
    return settings.ready.by != READY_DELAY && settings.ready.by != READY_PROBE;
}

void ready_as_told(struct generation *generation)
{
    generation->signs.told = true;
    if (!has_been_seen(generation))
        return;
    if (takes_its_word())
        ready(generation);
    else if (generation->inheritance.count == 0 || partly_claimed(&generation->inheritance))
        settle_or_ready(generation);
    else
        generation->next_timer = now() + retry_pace;
}

void settled(struct generation *generation)
{
    if (has_been_seen(generation))
        ready_or_trial(generation);
}

void served_in_trial(struct generation *generation)
{
    ready(generation);
}

/* What a generation that is not ready has not done. */
static const char *what_is_missing(const struct generation *generation)
{
    static char text[512];

    if (settings.ready.by == READY_DESCRIPTOR)
        snprintf(text, sizeof text, "it has written no newline to descriptor %d",
                 settings.ready.descriptor);
    else if (generation->signs.told)
        return "it has claimed none of the listeners";
    else if (settings.ready.by == READY_PROBE)
        snprintf(text, sizeof text, "the probe does not succeed: %s", settings.ready.command);
    else if (has_to_say_ready(generation))
        return "it has not said READY=1";
    else if (!find_contended_lock(generation->number, text, sizeof text))
        return "no thread waits for clients on a listener that tfpreload can see";
    else if (settings.overlap == YES)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s",
                 ", and if two cannot run at once, set TFPRELOAD_OVERLAP=no");
    return text;
}

static void ready_timed_out(struct generation *generation)
{
    if (current || generation->awaits ||
        (generation->restarts && generation->inheritance.count > 0)) {
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
    if (!generation->trace)
        warn_of_unfit_members(generation);
    end_probe(generation); /* its pipe stays: a newline into one that is closed would end it */
    become_current(generation, UNREADY);
    tell_unready(generation);
}

static void ready_late(struct generation *generation)
{
    int64_t timer = generation->next_timer;

    enter(generation, READY, 0);
    generation->next_timer = timer;
    say_ready(generation);
}

void waits_late(struct generation *generation)
{
    if (has_shown_readiness(generation))
        ready_late(generation);
}

void told_late(struct generation *generation)
{
    if (takes_its_word())
        ready_late(generation);
}

void socket_bound(struct generation *generation, uint64_t inode)
{
    listeners_changed(generation);
    if (has_bound(generation, inode))
        return;
    if (generation->signs.bound_count == MOST_BOUND)
        memmove(generation->signs.bound, generation->signs.bound + 1,
                --generation->signs.bound_count * sizeof *generation->signs.bound);
    generation->signs.bound = grow(generation->signs.bound, generation->signs.bound_count + 1,
                                   sizeof *generation->signs.bound);
    generation->signs.bound[generation->signs.bound_count++] = inode;
    if (may_adopt(generation->state))
        happen(generation, BOUND);
}

static int64_t pace_of_looks(const struct generation *generation)
{
    int64_t pace = (now() - generation->started) / 8;

    return pace < least_pace ? least_pace : pace > most_pace ? most_pace : pace;
}

void look_for_receivers(struct generation *generation)
{
    if (settings.ready.by == READY_AUTO)
        generation->next_timer = now() + pace_of_looks(generation);
}

void probe_later(struct generation *generation)
{
    generation->next_timer = now() + probe_pace;
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
    } else if (settings.ready.by == READY_AUTO &&
               (generation->signs.bound_count > 0 || generation->trace)) {
        look_for_receivers(generation);
        if (traced_one_waits(generation) || has_receiver(generation)) {
            generation->signs.waits = true;
            happen(generation, WAITING);
        }
    }
}

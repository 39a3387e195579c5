/*
 * The helper holds the listeners: keep.c. So clients who come after a crash wait in the queues, and
 * the next generation inherits them as from an upgrade. What is left of the one that has crashed,
 * as the workers of a dead master, accepts no more and finishes what it serves.
 */
#include "restart.h"

#include <stddef.h>

#include "collect.h"
#include "ending.h"
#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/listeners/growing_set.h"
#include "helper/listeners/inheritance.h"
#include "helper/outside/story.h"
#include "helper/settings/settings.h"
#include "keep.h"
#include "overlap.h"
#include "start.h"
#include "stop.h"

/* The first wait; each is twice as long as the one before, until a server has lived for a while. */
static const int64_t first_wait = 100 * MILLISECOND;
static const int64_t longest_wait = 10 * SECOND;
static const int64_t long_life = 60 * SECOND;

/* So many within that time are a crash loop: the service ends. */
enum { MOST_RESTARTS = 5 };
static const int64_t loop_time = 60 * SECOND;

static int64_t restarted_at[MOST_RESTARTS]; /* the oldest is overwritten next */
static size_t restarts;
static unsigned in_a_row;

static bool is_wanted(const struct generation *ended, int wait_status)
{
    if (settings.restart == RESTART_NEVER || is_end_expected() || is_shutting_down() || is_ending())
        return false;
    /* a command that has never been a server is the user's to start again */
    if (!is_serving(ended->state) && ended->state != RETURNING && !ended->restarts)
        return false;
    return settings.restart == RESTART_ALWAYS || has_failed(wait_status);
}

static bool is_crash_loop(void)
{
    return restarts >= MOST_RESTARTS && now() - restarted_at[restarts % MOST_RESTARTS] < loop_time;
}

/* How long to wait now. */
static int64_t back_off(const struct generation *ended)
{
    int64_t wait = longest_wait;

    if (is_serving(ended->state) && now() - ended->since > long_life)
        in_a_row = 0;
    if (in_a_row < 16 && first_wait << in_a_row < longest_wait)
        wait = first_wait << in_a_row;
    in_a_row++;
    restarted_at[restarts++ % MOST_RESTARTS] = now();
    return wait;
}

static const char *why(const struct generation *ended, int wait_status)
{
    return ended->reason[0] ? ended->reason : ending_text(wait_status);
}

static struct generation *make_successor(struct generation *ended, int wait_status)
{
    struct generation *new = new_generation();

    new->restarts = true;
    new->wait_status = wait_status; /* of the service, should it end before this one has begun */
    open_to_all(&ended->inheritance);
    note_endpoints(ended, &ended->inheritance);
    new->inheritance = ended->inheritance;
    ended->inheritance = (struct inheritance){NULL, 0};
    unclaim(&new->inheritance);
    if (ended->by_descriptor) { /* what its path leads to has failed */
        new->program = ended->program;
        new->by_descriptor = true;
        ended->program = NO_PROGRAM;
    }
    return new;
}

/* One that was never ready is ended, whatever it does. */
static void see_to_rest(struct generation *ended)
{
    if (is_serving(ended->state)) {
        ended->crashed = true;
        let_rest_drain(ended);
    } else if (ended->state == RETURNING) {
        ended->crashed = true;
    } else {
        kill_generation(ended);
    }
}

bool restart_after(struct generation *ended, int wait_status)
{
    struct generation *new;
    int64_t wait;

    if (!is_wanted(ended, wait_status))
        return false;
    if (is_crash_loop()) {
        log_line(LEVEL_ERROR,
                 "generation %u: %s: it is not started again, after %d times within %s",
                 ended->number, why(ended, wait_status), MOST_RESTARTS, duration_text(loop_time));
        return false;
    }
    wait = back_off(ended);
    new = make_successor(ended, wait_status);
    log_line(LEVEL_ERROR, "generation %u: %s: generation %u is started in its place in %s",
             ended->number, why(ended, wait_status), new->number, duration_text(wait));
    tell_restarted(ended, new, why(ended, wait_status));
    current = NULL;
    enter(new, RESTARTING, wait);
    new->deadline = new->next_timer;
    see_to_rest(ended);
    return true;
}

void start_again(struct generation *generation)
{
    generation->deadline = 0;
    if (has_to_await(generation))
        begin_awaiting(generation);
    else
        start_generation(generation);
}

void do_not_restart(struct generation *generation)
{
    begin_ending(generation->wait_status);
    enter(generation, GONE, 0);
}

void hurry_restart(void)
{
    if (generations->state == RESTARTING)
        generations->next_timer = now();
}

void carry_restarts(struct carrier *carrier)
{
    restarts = (size_t)carry_number(carrier, "restarts", (int64_t)restarts, 0, INT64_MAX - 1);
    in_a_row = (unsigned)carry_number(carrier, "restarts-in-a-row", in_a_row, 0, INT32_MAX);
    for (size_t i = 0; i < MOST_RESTARTS; i++)
        restarted_at[i] = carry_time(carrier, "restarted-at", restarted_at[i]);
}

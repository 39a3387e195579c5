/*
 * Until its processes end, a generation that has retired could serve again: it has its code, its
 * memory and its connections, and the helper keeps a copy of each listener for it. Clients that
 * come meanwhile wait in the queues.
 *
 * What the failed generation did not listen on was closed when the old one had retired, and is not
 * opened again.
 */
#include "roll_back.h"

#include <stdio.h>
#include <string.h>

#include "collect.h"
#include "drain.h"
#include "ending.h"
#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/listeners/growing_set.h"
#include "helper/outside/story.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "keep.h"
#include "restart.h"
#include "retire.h"
#include "sessions.h"
#include "stop.h"
#include "traced.h"

static const int64_t take_back_pace = 10 * MILLISECOND;
static const int64_t take_back_timeout = 10 * SECOND;

/* How the generation ended that was rolled back last. */
static int failed_status;

/* `old` is the current generation now, and what the failed one has inherited is for it. */
static void recall(struct generation *failed, struct generation *old)
{
    current = old;
    open_to_all(&failed->inheritance);
    if (is_retiring(old->state))
        abandon_retirement(old);
    note_endpoints(failed, &failed->inheritance);
    old->inheritance = failed->inheritance;
    failed->inheritance = (struct inheritance){NULL, 0};
    take_sessions_back(old);
    restore_listeners(&old->inheritance);
    allow_second_senders(&old->inheritance);
    happen(old, RECALLED);
}

void roll_back(struct generation *failed)
{
    struct generation *old = find_predecessor(failed);

    failed->probation = (struct probation){0};
    if (!old || failed != current) { /* whoever was to return has ended meanwhile */
        failed->reason[0] = '\0';
        if (failed->exited)
            happen(failed, EMPTY);
        return;
    }
    log_line(LEVEL_ERROR, "generation %u: rolled back: %s; generation %u takes its listeners back",
             failed->number, failed->reason, old->number);
    tell_rolled_back(failed, old);
    failed->rejected = true;
    failed_status = failed->wait_status;
    recall(failed, old);
    let_rest_drain(failed);
}

void begin_taking_back(struct generation *old)
{
    forget_asked(&old->asked);
    enter(old, RETURNING, take_back_pace);
    old->deadline = now() + take_back_timeout;
    take_back_again(old);
}

static void taken_back(struct generation *old)
{
    int64_t took = now() - old->since;

    forget_asked(&old->asked);
    old->drainage.counted = old->drainage.all_taken = old->drainage.settled = false;
    old->drainage.quiet_looks = 0;
    forbid_second_senders(&old->inheritance);
    old->probation = (struct probation){0};
    old->reason[0] = '\0';
    old->rearmed = 0;
    old->finished = false;
    enter(old, READY, take_back_pace); /* and look after the queues: finish_upgrade() */
    log_line(LEVEL_INFO, "generation %u: serves again after %s", old->number, duration_text(took));
    tell_returned(old);
}

/*
 * It finishes what it has. Whoever waits in the queues waits for another one, or is lost with the
 * listeners.
 */
static void cannot_take_back(struct generation *old, pid_t silent)
{
    snprintf(old->reason, sizeof old->reason,
             "process %d did not take its listeners back within %s", silent,
             duration_text(take_back_timeout));
    forget_asked(&old->asked);
    if (!restart_after(old, failed_status)) {
        log_line(LEVEL_ERROR,
                 "generation %u: %s: the service ends when its connections are finished",
                 old->number, old->reason);
        release(&old->inheritance);
        begin_ending(failed_status);
    }
    old->deadline = now() + settings.exit_timeout;
    begin_draining(old);
}

void take_back_again(struct generation *old)
{
    pid_t held_back = give_back_to_traced(old, &old->inheritance);
    size_t silent = order_members(&old->asked, old->number, ORDER_TAKE_BACK);

    old->next_timer = now() + pace_of_orders(&old->asked, take_back_pace);
    if (silent == 0 && !held_back)
        taken_back(old);
    else if (now() > old->deadline)
        cannot_take_back(old, held_back ? held_back : find_silent(&old->asked));
}

void ended_while_returning(struct generation *old)
{
    struct generation *older = find_predecessor(old);

    if (older) {
        recall(old, older);
    } else {
        log_line(LEVEL_ERROR, "generation %u: ended before it served again", old->number);
        if (!restart_after(old, old->exited ? old->wait_status : failed_status))
            begin_ending(old->exited ? old->wait_status : failed_status);
    }
    gone(old);
}

int listener_to_take_back(struct generation *generation, uint64_t inode)
{
    const struct inherited *inherited = find_inherited(&generation->inheritance, inode);

    return generation->state == RETURNING && inherited ? inherited->fd : -1;
}

void process_took_back(struct generation *old, pid_t pid, int error)
{
    if (error) {
        log_line(LEVEL_DEBUG, "generation %u: process %d cannot take its listeners back: %s",
                 old->number, pid, strerror(error));
        return;
    }
    if (old->state == RETURNING && note_answer(&old->asked, pid) && !find_silent(&old->asked))
        happen(old, ANSWERED);
}

void release_if_alone(void)
{
    if (current && current->state == READY && current->finished && !keeps_listeners() &&
        !find_predecessor(current))
        release(&current->inheritance);
}

void carry_roll_back(struct carrier *carrier)
{
    failed_status =
        (int)carry_number(carrier, "rolled-back-status", failed_status, INT32_MIN, INT32_MAX);
}

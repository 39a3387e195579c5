/*
 * The old generation goes on as if nothing had been: it never stopped serving. The new one is
 * killed; but where both have taken clients for a while, until a probe has failed perhaps, it
 * finishes with those that it has.
 */
#include "fail.h"

#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "collect.h"
#include "drain.h"
#include "end.h"
#include "ending.h"
#include "exits.h"
#include "handover.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/listeners/growing_set.h"
#include "helper/outside/story.h"
#include "helper/processes/contended_lock.h"
#include "helper/processes/family.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "overlap.h"
#include "retire.h"
#include "sessions.h"
#include "stop.h"
#include "takeover.h"
#include "traced.h"

/* One that does not give up its listeners in this time hangs, and its clients with it. */
static const int64_t withdraw_timeout = 2 * SECOND;
static const int64_t withdraw_pace = 5 * MILLISECOND;

/* Who finds a file locked needs no longer to end, on a busy machine, too. */
static const int64_t soon = 10 * SECOND;

void drop_upgrade(struct generation *generation)
{
    kill_generation(generation); /* first: it might set the listeners' flags again */
    restore_listeners(&generation->inheritance);
    announce(current->number, ORDER_RESUME);
    give_back_to_traced(current, &generation->inheritance);
}

/* Nobody does when the service is to end, or when the old one has ended meanwhile. */
static bool will_serve_on(const struct generation *old)
{
    return !is_end_expected() && !is_shutting_down() &&
           !(old->exited && has_no_members(old->number));
}

/* One that was to be started again: end.c knows what follows. */
static void restart_failed(struct generation *generation)
{
    kill_generation(generation);
    service_ended(generation);
}

static void say_failed(const struct generation *generation)
{
    if (will_serve_on(current))
        log_line(LEVEL_ERROR, "generation %u: upgrade failed: %s; generation %u serves on",
                 generation->number, generation->reason, current->number);
    else
        log_line(LEVEL_ERROR, "generation %u: upgrade failed: %s", generation->number,
                 generation->reason);
    if (generation->obstacle[0])
        log_line(LEVEL_ERROR, "generation %u: it has met its predecessor: %s", generation->number,
                 generation->obstacle);
    tell_failed(generation, generation->reason, will_serve_on(current));
}

static void conclude(struct generation *failed)
{
    say_failed(failed);
    takeover_failed();
    if (current->exited && has_no_members(current->number))
        happen(current, EMPTY);
}

/* Those whom it has taken would lose with it what they have asked for. */
static bool may_have_clients(const struct generation *failed)
{
    return failed->signs.waits && !(failed->exited && has_no_members(failed->number));
}

/* Nothing is left of it that takes clients. What it has inherited is the current one's, as ever. */
static void withdrawn(struct generation *failed)
{
    release(&current->inheritance);
    current->inheritance = failed->inheritance;
    failed->inheritance = (struct inheritance){NULL, 0};
    take_sessions_back(current);
    open_to_all(&current->inheritance);
    claim_all(&current->inheritance);
    restore_listeners(&current->inheritance);
    announce(current->number, ORDER_RESUME);
    give_back_to_traced(current, &current->inheritance);
    conclude(failed);
    current->finished = false; /* somebody may wait whom the failed one was woken for */
    current->rearmed = 0;
    failed->deadline = now() + settings.exit_timeout;
    begin_draining(failed);
    retirement_over(failed);
}

void withdraw_no_longer(struct generation *generation)
{
    drop_upgrade(generation);
    conclude(generation);
}

static bool keeps_none(struct generation *generation, uint64_t inode)
{
    (void)generation;
    (void)inode;
    return false;
}

void withdraw_again(struct generation *generation)
{
    pid_t holding = retire_traced(generation, keeps_none);
    size_t silent = order_members(&generation->asked, generation->number, ORDER_RETIRE);

    generation->next_timer = now() + pace_of_orders(&generation->asked, withdraw_pace);
    if (silent == 0 && !holding)
        withdrawn(generation);
    else if (now() >= generation->deadline)
        withdraw_no_longer(generation);
}

static void begin_withdrawing(struct generation *failed)
{
    failed->rejected = true;
    forget_asked(&failed->asked);
    note_endpoints(failed, &failed->inheritance); /* by which it says what its connections are */
    allow_second_senders(&failed->inheritance);
    enter(failed, WITHDRAWING, withdraw_pace);
    failed->deadline = now() + withdraw_timeout;
    withdraw_again(failed);
}

void upgrade_failed(struct generation *generation)
{
    if (generation->awaits)
        fall_back(generation);
    if (!current && !generation->awaits)
        restart_failed(generation);
    if (!current)
        return;
    if (may_have_clients(generation) && will_serve_on(current)) {
        begin_withdrawing(generation);
        return;
    }
    drop_upgrade(generation); /* first: whoever reads that the old one serves on may try it */
    conclude(generation);
}

/*
 * Whoever finds a database or a pid file locked gives up at once, with words that only people
 * understand; and what it had open is not to be seen any more. So the locks of its predecessor are
 * looked at, unless the operator has thought of them.
 */
static const char *lock_text(int wait_status, int64_t took)
{
    static char text[PATH_MAX + 128];
    char name[PATH_MAX];

    if (took > soon || !WIFEXITED(wait_status) || !current || settings.overlap == NO ||
        settings.shared_files || !find_held_lock(current->number, name, sizeof name))
        return "";
    snprintf(text, sizeof text,
             ": generation %u has locked %s, and if two cannot run at once, set "
             "TFPRELOAD_OVERLAP=no",
             current->number, name);
    return text;
}

/*
 * A daemon's first process ends with status 0 and leaves children behind, which
 * are the server. Anything else before the generation is ready is a failure.
 */
void exited_before_ready(struct generation *generation)
{
    int64_t took = now() - generation->started;

    if (left_a_daemon(generation)) {
        hand_over_to_background(generation);
        return;
    }
    reap(); /* how the last one has ended is what the operator wants to know */
    if (!current && !generation->awaits)
        service_ended(generation);
    else if (generation->wait_status == 0 && generation->last_ended.pid)
        fail_upgrade(generation,
                     "process %d, in the background, %s after %s, before it was ready%s",
                     generation->last_ended.pid, ending_text(generation->last_ended.wait_status),
                     duration_text(took), lock_text(generation->last_ended.wait_status, took));
    else
        fail_upgrade(generation, "%s after %s, before it was ready%s",
                     ending_text(generation->wait_status), duration_text(took),
                     lock_text(generation->wait_status, took));
}

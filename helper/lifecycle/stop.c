/*
 * The stop signal goes to the processes on top of the family: first the one
 * that was executed, then whatever its end leaves behind as an orphan (the
 * server below a shell that has died of the signal).
 */
#include "stop.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/listeners/growing_set.h"
#include "helper/outside/story.h"
#include "helper/processes/deliver.h"
#include "helper/processes/family.h"
#include "helper/processes/first_processes.h"
#include "helper/processes/held_listeners.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "shared_files.h"
#include "traced.h"

static const int64_t kill_pace = 20 * MILLISECOND;
enum { MOST_KILLS = 20 };

static void signal_once(const struct member *member, struct asked_list *told, int number)
{
    if (was_asked(told, member->pid))
        return;
    note_told(told, member->pid);
    log_line(LEVEL_DEBUG, "generation %u: signal %d to process %d", member->generation, number,
             member->pid);
    signal_member(member, number);
    signal_member(member,
                  SIGCONT); /* a stopped process would take the signal only when it goes on */
}

void signal_top(struct generation *generation, struct asked_list *told, int number)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        /* on top: no process of the server above it */
        if (member->generation == generation->number && !find_member(member->parent))
            signal_once(member, told, number);
    }
}

static void tell_family(struct generation *generation)
{
    signal_top(generation, &generation->asked, settings.stop_signal);
}

/* A program that forks all the time is faster than one look: look until there is nobody left. */
static void kill_family(const struct generation *generation)
{
    for (int i = 0; i < MOST_KILLS; i++) {
        const struct family *family = look_at_family();

        if (has_no_members(generation->number))
            return;
        for (size_t k = 0; k < family->count; k++)
            if (family->member[k].generation == generation->number)
                signal_member(&family->member[k], SIGKILL);
    }
}

/* Nobody in the last look, and its first process has been reaped, if it ever had one. */
static bool is_empty(const struct generation *generation)
{
    return has_no_members(generation->number) && (generation->exited || generation->first == 0);
}

void begin_stopping(struct generation *generation, const char *why)
{
    log_line(LEVEL_INFO, "generation %u: %s after %s: it is told to stop", generation->number, why,
             duration_text(now() - generation->since));
    forget_asked(&generation->asked);
    keep_files_of_stranger(generation);
    enter(generation, STOPPING, settings.stop_timeout);
    generation->deadline = generation->next_timer;
    tell_family(generation);
    if (is_empty(generation))
        happen(generation, EMPTY);
}

/* Does one of them go on accepting? Who cannot be looked into may. */
static bool may_accept(const struct generation *generation)
{
    const struct family *family = latest_family();
    pid_t *pids = allocate(family->count + 1, sizeof *pids);
    bool *may = allocate(family->count + 1, sizeof *may);
    bool one_may = false;
    size_t count = 0;

    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation->number)
            pids[count++] = family->member[i].pid;
    may_hold_listeners(pids, count, may);
    for (size_t i = 0; i < count; i++)
        one_may |= may[i];
    free(pids);
    free(may);
    return one_may;
}

void stop_leftovers(struct generation *generation, int64_t time)
{
    bool accepts = may_accept(generation);

    forget_asked(&generation->asked);
    enter(generation, STOPPING, accepts ? time + settings.stop_timeout : time);
    generation->deadline = generation->since + time + settings.stop_timeout;
    if (accepts) {
        log_line(LEVEL_INFO, "generation %u: the processes that it has left are told to stop",
                 generation->number);
        tell_family(generation);
    } else {
        log_line(LEVEL_INFO, "generation %u: the processes that it has left have %s to finish",
                 generation->number, duration_text(time));
    }
}

void kill_generation(struct generation *generation)
{
    forget_asked(&generation->asked);
    enter(generation, STOPPING, kill_pace);
    generation->deadline = now();
    kill_family(generation);
    if (is_empty(generation))
        happen(generation, EMPTY);
}

void stop_again(struct generation *generation)
{
    bool forcibly = now() >= generation->deadline;

    if (!forcibly) {
        tell_family(generation);
        generation->next_timer = generation->deadline;
        return;
    }
    kill_family(generation);
    if (!generation->complained && generation->asked.count > 0) {
        log_line(LEVEL_ERROR, "generation %u: not gone %s after the stop signal: killed",
                 generation->number, duration_text(now() - generation->since));
        tell_killed(generation);
    }
    generation->complained = true;
    generation->next_timer = now() + kill_pace;
    if (is_empty(generation))
        happen(generation, EMPTY);
}

void gone(struct generation *generation)
{
    if (generation->state == DRAINING && generation->farewell.told_at != 0)
        log_line(LEVEL_INFO, "generation %u: gone %s after the retire signal, %s",
                 generation->number, duration_text(now() - generation->farewell.told_at),
                 generation->exited ? end_of(generation) : "in the background");
    else if (generation->started)
        log_line(generation->exited && generation->asked.count > 0 ? LEVEL_INFO : LEVEL_DEBUG,
                 "generation %u: gone %s after it was told to stop, %s", generation->number,
                 duration_text(now() - generation->since),
                 generation->exited ? end_of(generation) : "never started");
    open_to_all(&generation->inheritance); /* it failed, and what it had bound is closed now */
    enter(generation, GONE, 0);
    forget_generation(generation->number);
    pass_locks_on();
    tell_gone(generation);
}

void let_rest_drain(struct generation *failed)
{
    look_at_family();
    forget_asked(&failed->asked);
    if (failed->exited && has_no_members(failed->number))
        gone(failed);
    else
        happen(failed, REPLACED);
}

/*
 * Two databases cannot have one data directory. So the old one retires, finishes its connections
 * and ends before the new one starts, and the helper holds the listeners: clients wait for as long
 * as the server needs to stop and to start, and are not refused.
 *
 * There is nobody then who serves on if the new one fails. But the file that the old one was
 * executed from is open here, whatever its path leads to by now, and is executed again.
 */
#include "overlap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ending.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/listeners/growing_set.h"
#include "helper/listeners/inheritance.h"
#include "helper/outside/story.h"
#include "helper/settings/settings.h"
#include "program.h"
#include "start.h"
#include "stop.h"

static const int64_t await_pace = 5 * MILLISECOND;

bool has_to_await(const struct generation *generation)
{
    if (settings.overlap == YES)
        return false;
    for (const struct generation *old = generation->older; old; old = old->older)
        if (!is_gone(old->state))
            return true;
    return false;
}

void begin_awaiting(struct generation *generation)
{
    enter(generation, AWAITING, await_pace);
}

void begin_or_await(struct generation *new)
{
    struct generation *old = current;

    if (settings.overlap == YES) {
        start_generation(new);
        return;
    }
    /* what shows now need not cost a stop */
    if (!keep_program(new)) {
        fail_upgrade(new, "cannot execute %s: %s",
                     settings.file ? settings.file : settings.command[0], strerror(errno));
        return;
    }
    log_line(LEVEL_INFO, "generation %u: starts when generation %u is gone", new->number,
             old->number);
    release(&old->inheritance);
    allow_second_senders(&new->inheritance);
    new->awaits = true;
    new->fallback = old->program;
    old->program = NO_PROGRAM;
    current = NULL;
    begin_awaiting(new);
    happen(old, REPLACED);
}

void await_again(struct generation *generation)
{
    if (has_to_await(generation))
        generation->next_timer = now() + await_pace;
    else
        start_generation(generation);
}

void do_not_await(struct generation *generation)
{
    begin_ending(generation->wait_status);
    enter(generation, GONE, 0);
}

/* The one that is started again, behind `failed`, which is told to end. */
void fall_back(struct generation *failed)
{
    struct generation *again = new_generation();

    log_line(LEVEL_ERROR,
             "generation %u: upgrade failed: %s; generation %u is started from what generation %u "
             "was",
             failed->number, failed->reason, again->number, failed->replaces);
    tell_failed(failed, failed->reason, true);
    kill_generation(failed);
    open_to_all(&failed->inheritance);
    again->inheritance = failed->inheritance;
    failed->inheritance = (struct inheritance){NULL, 0};
    unclaim(&again->inheritance);
    restore_listeners(&again->inheritance);
    again->restarts = true;
    again->program = failed->fallback;
    again->by_descriptor = true;
    failed->fallback = NO_PROGRAM;
    begin_awaiting(again);
}

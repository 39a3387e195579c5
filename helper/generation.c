/*
 * The life of a generation, as a table. A row is a state, a column an event; an
 * empty place means that nothing follows from it.
 */
#include "generation.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "collect.h"
#include "drain.h"
#include "end.h"
#include "fail.h"
#include "log.h"
#include "memory.h"
#include "notices.h"
#include "orders.h"
#include "probe.h"
#include "ready.h"
#include "ready_pipe.h"
#include "retire.h"
#include "stop.h"

struct generation *generations;
struct generation *current;

typedef void (*action)(struct generation *);

static const action table[STATES][EVENTS] = {
    [COLLECTING] = {[ANSWERED] = collected, [TIMER] = collect_again},
    [STARTING] = {[WAITING] = settle_or_ready,
                  [TOLD] = ready_as_told,
                  [TIMER] = wait_for_ready,
                  [EXITED] = exited_before_ready,
                  [EMPTY] = exited_before_ready},
    [SETTLING] = {[CLAIMED] = settle_or_ready,
                  [TOLD] = ready_as_told,
                  [WAITING] = settle_or_ready,
                  [TIMER] = settled,
                  [EXITED] = exited_before_ready,
                  [EMPTY] = exited_before_ready},
    [READY] = {[WAITING] = waits_late,
               [TOLD] = told_late,
               [TIMER] = finish_upgrade,
               [EXITED] = server_exited,
               [EMPTY] = service_ended},
    [RETIRING] = {[ANSWERED] = retired, [TIMER] = retire_again, [EMPTY] = ended_while_retiring},
    [DRAINING] = {[ANSWERED] = drain_again, [TIMER] = drain_again, [EMPTY] = gone},
    [STOPPING] = {[TIMER] = stop_again, [EXITED] = stop_again, [EMPTY] = gone},
};

static const char *const names[STATES] = {
    [COLLECTING] = "collecting", [STARTING] = "starting", [SETTLING] = "settling",
    [READY] = "ready",           [RETIRING] = "retiring", [DRAINING] = "draining",
    [STOPPING] = "stopping",     [GONE] = "gone",
};

static const char *const event_names[EVENTS] = {
    [ANSWERED] = "answered", [WAITING] = "waiting", [CLAIMED] = "claimed", [TOLD] = "told",
    [TIMER] = "timer",       [EXITED] = "exited",   [EMPTY] = "empty",
};

const char *state_name(enum state state)
{
    return names[state];
}

void happen(struct generation *generation, enum event event)
{
    action follow = table[generation->state][event];

    if (event != TIMER)
        log_line(LEVEL_DEBUG, "generation %u: %s, %s%s", generation->number,
                 names[generation->state], event_names[event], follow ? "" : " (nothing follows)");
    if (follow)
        follow(generation);
}

void enter(struct generation *generation, enum state state, int64_t timer)
{
    generation->state = state;
    generation->since = now();
    generation->next_timer = timer > 0 ? generation->since + timer : 0;
    generation->complained = false;
}

struct generation *new_generation(void)
{
    static unsigned last;
    struct generation *new = allocate(1, sizeof *new);

    new->number = ++last;
    new->older = generations;
    generations = new;
    return new;
}

struct generation *find_generation(unsigned number)
{
    struct generation *generation = generations;

    while (generation && generation->number != number)
        generation = generation->older;
    return generation;
}

void bury_generations(void)
{
    for (struct generation **at = &generations; *at;) {
        struct generation *generation = *at;

        if (generation->state != GONE) {
            at = &generation->older;
            continue;
        }
        *at = generation->older;
        if (generation == current)
            current = NULL;
        forget_asked(generation);
        close_notices(generation);
        close_ready_pipe(generation);
        end_probe(generation);
        release(&generation->inheritance);
        free(generation->endpoints);
        free(generation->datagrams);
        free(generation->bound);
        free(generation->sockets.item);
        free(generation->inquiry.inode);
        free(generation);
    }
}

const char *ending_text(int wait_status)
{
    static char text[64];
    const char *signal = sigabbrev_np(WTERMSIG(wait_status)); /* of a real-time one NULL */

    if (WIFSIGNALED(wait_status) && signal)
        snprintf(text, sizeof text, "was killed by SIG%s", signal);
    else if (WIFSIGNALED(wait_status))
        snprintf(text, sizeof text, "was killed by signal %d", WTERMSIG(wait_status));
    else
        snprintf(text, sizeof text, "exited with status %d", WEXITSTATUS(wait_status));
    return text;
}

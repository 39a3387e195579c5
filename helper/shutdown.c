/*
 * Clients in the accept queue have been let in, so they are served: the helper
 * holds the listeners as if for a next generation, lets no new connection in,
 * has the server empty the queues, and then retires it like any other.
 */
#include "shutdown.h"

#include "clock.h"
#include "collect.h"
#include "end.h"
#include "generation.h"
#include "log.h"
#include "retire.h"
#include "stop.h"
#include "story.h"
#include "upgrade.h"

static bool begun;

bool is_shutting_down(void)
{
    return begun;
}

void shut_down(void)
{
    struct generation *last;

    if (begun)
        return;
    begun = true;
    log_line(LEVEL_INFO, "generation %u: the service is to end: it finishes its connections",
             (current ? current : generations)->number);
    tell_ending();
    expect_end();
    abandon_upgrades();
    if (!current || current->state != READY) {
        begin_stopping(generations, "asked to end");
        return;
    }
    last = new_generation();
    last->last = true;
    enter(last, COLLECTING, 10 * MILLISECOND);
    begin_collecting(last);
}

static void leave(struct generation *last)
{
    last->inheritance = (struct inheritance){NULL, 0};
    enter(last, GONE, 0);
}

void listeners_handed_over(struct generation *last)
{
    release(&current->inheritance);
    current->inheritance = last->inheritance; /* nobody will claim it */
    leave(last);
    allow_second_senders(&current->inheritance);
    begin_retiring(current);
}

void listeners_not_handed_over(struct generation *last, const char *reason)
{
    log_line(LEVEL_INFO, "generation %u: stops without having retired: %s", current->number,
             reason);
    release(&last->inheritance);
    leave(last);
    begin_stopping(current, "asked to end");
}

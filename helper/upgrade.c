/* Step 1 of an upgrade: SIGHUP has arrived, or a process of the server passed it on. */
#include "upgrade.h"

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "collect.h"
#include "fail.h"
#include "generation.h"
#include "log.h"
#include "retire.h"
#include "shutdown.h"
#include "story.h"

static bool noted; /* several requests while one runs count as one */

static bool in_progress(void)
{
    return !current || (generations && generations->state < READY);
}

static void begin_upgrade(void)
{
    struct generation *new = new_generation();

    log_line(LEVEL_INFO, "generation %u: upgrade from generation %u begins", new->number,
             current->number);
    new->begun = now();
    tell_begins(new);
    let_join_sets(NULL);
    enter(new, COLLECTING, 10 * MILLISECOND);
    begin_collecting(new);
}

void request_upgrade(void)
{
    if (is_shutting_down()) {
        log_line(LEVEL_INFO, "the service is to end: there is no upgrade any more");
        tell_ending();
        return;
    }
    if (in_progress()) {
        tell_noted();
        if (!noted)
            log_line(LEVEL_INFO, "generation %u is not ready yet: the upgrade is noted",
                     generations->number);
        noted = true;
        return;
    }
    begin_upgrade();
}

void upgrade_over(void)
{
    if (noted && !in_progress()) {
        noted = false;
        begin_upgrade();
    }
}

void abandon_upgrades(void)
{
    noted = false;
    if (current && generations->state < READY)
        fail_upgrade(generations, "the service is stopping");
}

void drop_upgrades(void)
{
    noted = false;
    if (current && generations->state < READY)
        drop_upgrade(generations);
}

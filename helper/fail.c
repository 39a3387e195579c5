#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include "clock.h"
#include "end.h"
#include "family.h"
#include "generation.h"
#include "handover.h"
#include "log.h"
#include "orders.h"
#include "shutdown.h"
#include "stop.h"
#include "story.h"
#include "upgrade.h"

void drop_upgrade(struct generation *generation)
{
    kill_generation(generation); /* first: it might set the listeners' flags again */
    restore_listeners(&generation->inheritance);
    announce(current, ORDER_RESUME);
}

void fail_upgrade(struct generation *generation, const char *format, ...)
{
    char reason[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (generation->last) {
        listeners_not_handed_over(generation, reason);
        return;
    }
    log_line(LEVEL_ERROR, "generation %u: upgrade failed: %s; generation %u serves on",
             generation->number, reason, current->number);
    tell_failed(generation, reason);
    drop_upgrade(generation);
    if (current->exited && count_members(current->number) == 0)
        service_ended(current);
    else
        upgrade_over();
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
    if (!current) {
        service_ended(generation);
        return;
    }
    fail_upgrade(generation, "%s after %s, before it was ready",
                 ending_text(generation->wait_status), duration_text(took));
}

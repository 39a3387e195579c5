/*
 * The last of an upgrade, seen from the generation that is ready: the helper's copies of its
 * listeners have kept the accept queues alive, and a client may wait in one whom nobody was woken
 * for.
 */
#include "finish.h"

#include "helper/base/clock.h"
#include "helper/generation/generation.h"
#include "helper/listeners/inheritance.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "keep.h"
#include "strays.h"
#include "traced.h"

/* How often, and how far apart, listeners with a queue are registered anew. */
enum { MOST_REARMED = 4 };
static const int64_t rearm_pace = 20 * MILLISECOND;

/* Once, at the end of its ready timeout: by then a program that is slow has bound, too. */
static void look_for_strays(struct generation *generation)
{
    int64_t due = generation->started + settings.ready_timeout;

    if (generation->state != READY || generation->looked_for_strays)
        return;
    if (now() < due) {
        generation->next_timer = due;
        return;
    }
    generation->looked_for_strays = true;
    generation->next_timer = 0;
    if (generation->trace)
        return;
    warn_of_strays(generation);
}

static void rearm(struct generation *generation)
{
    announce(generation->number, ORDER_REARM);
    rearm_traced(generation);
}

void finish_upgrade(struct generation *generation)
{
    if (generation->finished || queued(&generation->inheritance) == 0 ||
        generation->rearmed == MOST_REARMED) {
        generation->finished = true;
        look_for_strays(generation);
        keep_listeners(generation);
        return;
    }
    /* somebody waits: a busy server will come to it, one that was not woken must be */
    if (generation->rearmed++ > 0)
        rearm(generation);
    generation->next_timer = now() + rearm_pace;
}

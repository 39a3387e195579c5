/*
 * The pid that the user knows tells how the server ended. Older generations
 * that still drain are stopped first, and so is what the first process has left
 * behind: the server of a shell that did not exec. Nobody would look after them.
 */
#include "end.h"

#include <stdbool.h>
#include <stdio.h>

#include "ending.h"
#include "handover.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/outside/story.h"
#include "helper/processes/family.h"
#include "helper/settings/settings.h"
#include "keep.h"
#include "own_upgrade.h"
#include "probation.h"
#include "restart.h"
#include "stop.h"
#include "upgrade.h"

void server_exited(struct generation *generation)
{
    if (!is_end_expected() && !is_shutting_down() && has_replaced_itself(generation))
        return;
    if (!is_end_expected() && left_a_daemon(generation))
        hand_over_to_background(generation);
    else
        service_ended(generation);
}

/* A command that has never been a server is not talked about. */
static void say_ended(const struct generation *generation)
{
    bool served = generation->state == READY || generation->restarts;
    enum log_level level = served || in_background() ? LEVEL_INFO : LEVEL_DEBUG;

    if (in_background() || generation->stranger) /* the end of a daemon's first process says
                            nothing, and the other is not ours */
        log_line(level, "generation %u: the service has ended", generation->number);
    else
        log_line(level, "generation %u: the service has ended: it %s", generation->number,
                 ending_text(generation->wait_status));
}

static void stop_draining(struct generation *old)
{
    if (is_draining(old->state) && old->drainage.counted && old->drainage.connections > 0)
        log_line(LEVEL_INFO, "generation %u: the service has ended with %zu connection%s left",
                 old->number, old->drainage.connections, old->drainage.connections == 1 ? "" : "s");
    begin_stopping(old, "the service has ended");
}

/* A successor that is on its way holds the listeners: it takes over, or fails and we end. */
static bool will_be_replaced(struct generation *generation)
{
    const struct generation *new = generations;

    if (generation != current || !is_on_its_way(new->state) || !(new->started || keeps_listeners()))
        return false;
    if (!generation->complained)
        log_line(LEVEL_ERROR, "generation %u: %s while generation %u starts", generation->number,
                 end_of(generation), new->number);
    generation->complained = true;
    return true;
}

/*
 * Of a command that has never been a server nothing is expected: what a script leaves in the
 * background is meant to stay there.
 */
static bool has_left_a_server(const struct generation *generation)
{
    look_at_family();
    return count_members(generation->number) > 0 &&
           (is_serving(generation->state) || is_end_expected());
}

/* It is on its way out already: what it serves need not be cut because its successor has failed. */
static bool finishes_by_itself(const struct generation *old)
{
    return old->farewell.told_at != 0 && !is_end_expected();
}

void service_ended(struct generation *generation)
{
    if (will_be_replaced(generation))
        return;
    if (can_roll_back(generation)) {
        snprintf(generation->reason, sizeof generation->reason, "%s %s after it was ready",
                 ending_text(generation->wait_status), duration_text(now() - generation->since));
        happen(generation, ROLL_BACK);
        return;
    }
    if (restart_after(generation, generation->wait_status))
        return;
    begin_ending(generation->wait_status);
    say_ended(generation);
    drop_upgrades();
    if (has_left_a_server(generation))
        stop_leftovers(generation, is_end_expected() ? settings.exit_timeout : 0);
    else
        enter(generation, GONE, 0);
    for (struct generation *old = generations; old; old = old->older)
        if ((is_retiring(old->state) || is_draining(old->state)) && !finishes_by_itself(old))
            stop_draining(old);
    if (is_gone(generation->state))
        tell_gone(generation);
}

/* Asked to end, it has stopped: what is the end of the service is known only now. */
static void note_stopped(void)
{
    for (const struct generation *g = generations; g && !is_ending(); g = g->older)
        if (is_gone(g->state) && g == (current ? current : generations))
            begin_ending(g->wait_status);
}

void end_if_over(void)
{
    if (is_shutting_down())
        note_stopped();
    if (!is_ending())
        return;
    for (const struct generation *g = generations; g; g = g->older)
        if (!is_gone(g->state))
            return;
    end_like_the_server();
}

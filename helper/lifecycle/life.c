/*
 * The life of a generation, as a table. A row is a state, a column an event; an empty place means
 * that nothing follows from it. Only what stands here is called for an event, from the main loop;
 * an action changes the state, or appends another event, and returns.
 */
#include "life.h"

#include "collect.h"
#include "drain.h"
#include "end.h"
#include "fail.h"
#include "finish.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/outside/notices.h"
#include "helper/outside/probe.h"
#include "helper/outside/ready_pipe.h"
#include "helper/processes/first_processes.h"
#include "helper/trace/trace.h"
#include "overlap.h"
#include "probation.h"
#include "ready.h"
#include "restart.h"
#include "retire.h"
#include "roll_back.h"
#include "sessions.h"
#include "shutdown.h"
#include "stop.h"
#include "takeover.h"
#include "trial.h"
#include "upgrade.h"

/* clang-format off */
static const action table[STATES][EVENTS] = {
    [COLLECTING] = {[ANSWERED] = collected,
                    [TIMER] = collect_again,
                    [FAILED] = upgrade_failed,
                    [DROPPED] = drop_upgrade},
    [AWAITING] = {[TIMER] = await_again, [FAILED] = upgrade_failed, [END] = do_not_await},
    [RESTARTING] = {[TIMER] = start_again, [FAILED] = upgrade_failed, [END] = do_not_restart},
    [STARTING] = {[WAITING] = settle_or_ready,
                  [BOUND] = look_for_receivers,
                  [TOLD] = ready_as_told,
                  [DENIED] = probe_later,
                  [TIMER] = wait_for_ready,
                  [EXITED] = exited_before_ready,
                  [EMPTY] = exited_before_ready,
                  [FAILED] = upgrade_failed,
                  [DROPPED] = drop_upgrade,
                  [END] = stop_unready},
    [SETTLING] = {[WAITING] = settle_or_ready,
                  [CLAIMED] = settle_or_ready,
                  [TOLD] = ready_as_told,
                  [TIMER] = settled,
                  [EXITED] = exited_before_ready,
                  [EMPTY] = exited_before_ready,
                  [FAILED] = upgrade_failed,
                  [DROPPED] = drop_upgrade,
                  [END] = stop_unready},
    [TRYING] = {[TAKEN] = served_in_trial,
                [TOLD] = ready_as_told,
                [TIMER] = try_again,
                [EXITED] = exited_before_ready,
                [EMPTY] = exited_before_ready,
                [FAILED] = upgrade_failed,
                [DROPPED] = drop_upgrade,
                [END] = stop_unready},
    [READY] = {[TOLD] = probation_passed,
               [DENIED] = probation_failed,
               [TIMER] = finish_upgrade,
               [EXITED] = server_exited,
               [EMPTY] = service_ended,
               [REPLACED] = begin_retiring,
               [ROLL_BACK] = roll_back,
               [END] = hold_listeners},
    [UNREADY] = {[WAITING] = waits_late,
                 [TOLD] = told_late,
                 [TIMER] = finish_upgrade,
                 [EXITED] = server_exited,
                 [EMPTY] = service_ended,
                 [REPLACED] = begin_retiring,
                 [END] = hold_listeners},
    [WITHDRAWING] = {[ANSWERED] = withdraw_again,
                     [TIMER] = withdraw_again,
                     [EMPTY] = withdraw_no_longer,
                     [FAILED] = withdraw_no_longer,
                     [DROPPED] = drop_upgrade},
    [RETIRING] = {[ANSWERED] = retire_again,
                  [TIMER] = retire_again,
                  [EMPTY] = ended_while_retiring,
                  [RECALLED] = begin_taking_back},
    [EMPTYING] = {[TIMER] = empty_queues,
                  [EMPTY] = ended_while_retiring,
                  [RECALLED] = begin_taking_back},
    [CLOSING] = {[ANSWERED] = retire_again,
                 [TIMER] = retire_again,
                 [EMPTY] = ended_while_retiring,
                 [RECALLED] = begin_taking_back},
    [DRAINING] = {[ANSWERED] = look_at_answers,
                  [TIMER] = drain_again,
                  [CUT] = drain_no_longer,
                  [EMPTY] = gone,
                  [RECALLED] = begin_taking_back},
    [RETURNING] = {[ANSWERED] = take_back_again,
                   [TIMER] = take_back_again,
                   [EMPTY] = ended_while_returning,
                   [END] = stop_unready},
    [STOPPING] = {[TIMER] = stop_again, [EXITED] = stop_again, [EMPTY] = gone},
    [HOLDING] = {[ANSWERED] = listeners_handed_over,
                 [TIMER] = collect_again,
                 [FAILED] = listeners_not_handed_over,
                 [DROPPED] = drop_upgrade},
};
/* clang-format on */

action action_for(enum state state, enum event event)
{
    return table[state][event];
}

/* A timer that was set anew, or entered another state, meanwhile is not due any more. */
static bool is_due(struct generation *generation)
{
    if (generation->next_timer == 0 || generation->next_timer > now())
        return false;
    generation->next_timer = 0;
    return true;
}

static void follow(struct generation *generation, enum event event)
{
    action act = action_for(generation->state, event);

    if (event == TIMER && !is_due(generation))
        return;
    if (event != TIMER)
        log_line(LEVEL_DEBUG, "generation %u: %s, %s%s", generation->number,
                 state_name(generation->state), event_name(event), act ? "" : " (nothing follows)");
    if (act)
        act(generation);
}

/* Free those that are gone. No event is left that could be about one of them. */
static void bury_generations(void)
{
    bool buried = false;

    for (struct generation **at = &generations; *at;) {
        struct generation *generation = *at;

        if (!is_gone(generation->state)) {
            at = &generation->older;
            continue;
        }
        *at = generation->older;
        if (generation == current)
            current = NULL;
        forget_generation(generation->number);
        close_notices(generation);
        close_ready_pipe(generation);
        end_probe(generation);
        end_trace(generation);
        free_generation(generation);
        buried = true;
    }
    if (buried)
        tidy_sessions();
}

void follow_events(void)
{
    struct generation *generation;
    enum event event;

    do
        while (take_event(&generation, &event))
            follow(generation, event);
    while (begin_noted_upgrade());
    end_if_over();
    review_takeover();
    bury_generations();
    release_if_alone();
}

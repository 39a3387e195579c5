/*
 * Clients in the accept queue have been let in, so they are served: the helper
 * holds the listeners as if for a next generation, lets no new connection in,
 * has the server empty the queues, and then retires it like any other.
 */
#include "shutdown.h"

#include <signal.h>

#include "collect.h"
#include "ending.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/outside/story.h"
#include "helper/settings/settings.h"
#include "stop.h"
#include "takeover.h"
#include "upgrade.h"

void shut_down(void)
{
    struct generation *serving = current ? current : generations;

    if (is_shutting_down() || call_takeover_off("tfhelper stop"))
        return;
    ask_for_end();
    log_line(LEVEL_INFO, "generation %u: the service is to end: it finishes its connections",
             serving->number);
    tell_ending();
    expect_end();
    abandon_upgrades();
    happen(serving, END);
}

bool ends_service(int number)
{
    return number == SIGTERM || number == SIGINT || number == SIGQUIT ||
           number == settings.stop_signal || number == settings.retire_signal;
}

void told_to_end(const char *sender)
{
    /* a command that has never been a server is not talked about */
    if (current)
        log_line(LEVEL_INFO, "generation %u: the service is told to end, by %s", current->number,
                 sender);
    tell_ending();
    expect_end();
    abandon_upgrades();
}

void stop_unready(struct generation *generation)
{
    begin_stopping(generation, "asked to end");
}

void hold_listeners(struct generation *serving)
{
    struct generation *holder = new_generation();

    (void)serving;
    enter(holder, HOLDING, 10 * MILLISECOND);
    begin_collecting(holder);
}

static void leave(struct generation *holder)
{
    holder->inheritance = (struct inheritance){NULL, 0};
    enter(holder, GONE, 0);
}

void listeners_handed_over(struct generation *holder)
{
    release(&current->inheritance);
    current->inheritance = holder->inheritance; /* nobody will claim it */
    leave(holder);
    allow_second_senders(&current->inheritance);
    happen(current, REPLACED);
}

void listeners_not_handed_over(struct generation *holder)
{
    log_line(LEVEL_INFO, "generation %u: stops without having retired: %s", current->number,
             holder->reason);
    release(&holder->inheritance);
    leave(holder);
    begin_stopping(current, "asked to end");
}

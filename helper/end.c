/*
 * The pid that the user knows tells how the server ended. Older generations
 * that still drain are stopped first, so that nothing is left behind.
 */
#include "end.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generation.h"
#include "handover.h"
#include "hook.h"
#include "log.h"
#include "pidfile.h"
#include "shutdown.h"
#include "stop.h"
#include "story.h"
#include "upgrade.h"

static bool end_expected;
static bool ending;
static int ending_status;

void expect_end(void)
{
    end_expected = true;
}

void server_exited(struct generation *generation)
{
    if (!end_expected && left_a_daemon(generation))
        hand_over_to_background(generation);
    else
        service_ended(generation);
}

/* A command that has never been a server is not talked about. */
static void say_ended(const struct generation *generation)
{
    bool served = generation->state == READY && !generation->unready;
    enum log_level level = served || in_background() ? LEVEL_INFO : LEVEL_DEBUG;

    if (in_background()) /* the end of a daemon's first process says nothing, and the other is not
                            ours */
        log_line(level, "generation %u: the service has ended", generation->number);
    else
        log_line(level, "generation %u: the service has ended: it %s", generation->number,
                 ending_text(generation->wait_status));
}

static void stop_draining(struct generation *old)
{
    if (old->state == DRAINING && old->counted && old->connections > 0)
        log_line(LEVEL_INFO, "generation %u: the service has ended with %zu connection%s left",
                 old->number, old->connections, old->connections == 1 ? "" : "s");
    begin_stopping(old, "the service has ended");
}

void service_ended(struct generation *generation)
{
    /* a successor that is on its way holds the listeners: it takes over, or fails and we end */
    if (generation == current && generations != current && generations->state < READY &&
        generations->started) {
        if (!generation->complained)
            log_line(LEVEL_ERROR, "generation %u: %s while generation %u starts",
                     generation->number, ending_text(generation->wait_status), generations->number);
        generation->complained = true;
        return;
    }
    ending = true;
    ending_status = generation->wait_status;
    say_ended(generation);
    drop_upgrades();
    enter(generation, GONE, 0);
    for (struct generation *old = generations; old; old = old->older)
        if (old->state == RETIRING || old->state == DRAINING)
            stop_draining(old);
    tell_gone(generation);
    generation_gone(generation);
}

void generation_gone(const struct generation *generation)
{
    if (is_shutting_down() && !ending && (generation == current || !current)) {
        ending = true;
        ending_status = generation->wait_status;
    }
    if (!ending)
        return;
    for (const struct generation *g = generations; g; g = g->older)
        if (g->state != GONE)
            return;
    end_like_the_server();
}

_Noreturn void end_like_the_server(void)
{
    struct rlimit no_core = {0, 0};
    sigset_t set;
    int number = WTERMSIG(ending_status);

    flush_hooks();
    remove_pidfile();
    if (!WIFSIGNALED(ending_status))
        exit(WEXITSTATUS(ending_status));
    /* the core, if any, is the server's */
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + number);
}

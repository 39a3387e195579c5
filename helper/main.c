/*
 * tfhelper: the pid that the user knows. It runs the server as its child,
 * starts it again when an upgrade is asked for, and ends as the server ends.
 * Everything it does follows from one event at a time, in this loop.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "generation.h"
#include "log.h"
#include "settings.h"
#include "signals.h"
#include "start.h"

/* What the epoll set watches besides the peers of the control socket. */
static int signals, timer, control;

static _Noreturn void cannot(const char *what)
{
    log_line(LOG_ERROR, "cannot %s: %s", what, strerror(errno));
    exit(EXIT_NOT_EXECUTABLE);
}

static int open_loop(void)
{
    int poller = epoll_create1(EPOLL_CLOEXEC);
    int *const sources[] = {&signals, &timer, &control};

    if (poller == -1)
        cannot("create an epoll set");
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = sources[i]};

        if (epoll_ctl(poller, EPOLL_CTL_ADD, *sources[i], &event) == -1)
            cannot("watch a descriptor");
    }
    return poller;
}

static void earlier(int64_t *next, int64_t time)
{
    if (time != 0 && (*next == 0 || time < *next))
        *next = time;
}

/* Set the timer to the next thing that is due; a system call only when that has changed. */
static void set_timer(void)
{
    static int64_t set;
    int64_t next = expire_peers();
    struct itimerspec when = {{0, 0}, {0, 0}};

    for (const struct generation *g = generations; g; g = g->older)
        earlier(&next, g->next_timer);
    if (next == set)
        return;
    set = next;
    when.it_value.tv_sec = (time_t)(next / SECOND);
    when.it_value.tv_nsec = (long)(next % SECOND);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void timers_due(void)
{
    struct generation *older;
    uint64_t expirations;

    if (read(timer, &expirations, sizeof expirations) == -1)
        return;
    for (struct generation *g = generations; g; g = older) {
        older = g->older;
        if (g->next_timer != 0 && g->next_timer <= now()) {
            g->next_timer = 0;
            happen(g, TIMER);
        }
    }
}

static void serve(int poller)
{
    struct epoll_event events[32];
    int count = epoll_wait(poller, events, sizeof events / sizeof *events, -1);
    bool newcomers = false;

    for (int i = 0; i < count; i++) {
        void *source = events[i].data.ptr;

        if (source == &signals)
            read_signals(signals);
        else if (source == &timer)
            timers_due();
        else if (source == &control)
            newcomers = true;
        else
            serve_peer(source);
    }
    if (newcomers) /* last: it may drop a peer that the loop above has an event of */
        accept_peers(poller);
}

int main(int argc, char **argv)
{
    int poller;

    read_settings(argc, argv);
    if (!settings.library && !getenv("TFPRELOAD_LD_PRELOAD"))
        log_line(LOG_ERROR, "libtfpreload.so is not beside tfhelper: running without upgrades");
    signals = open_signals();
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    control = open_control_socket();
    if (signals == -1 || timer == -1 || control == -1)
        cannot("open what the helper waits on");
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the server come to us, not to init */
    poller = open_loop();
    start_generation(new_generation());
    for (;;) {
        set_timer();
        serve(poller);
        bury_generations();
    }
}

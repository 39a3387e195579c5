/* Everything the helper does follows from one event at a time, in this loop. */
#include "loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "generation.h"
#include "handover.h"
#include "log.h"
#include "signals.h"
#include "usage.h"

static int poller;

/* What the set watches besides peers and foreign processes. */
static int signals, timer, control;

/* When the timer will go off, 0 for never. */
static int64_t timer_set;

static _Noreturn void cannot(const char *what)
{
    log_line(LEVEL_ERROR, "cannot %s: %s", what, strerror(errno));
    exit(EXIT_NOT_EXECUTABLE);
}

void watch_descriptor(int fd, void *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == -1)
        log_line(LEVEL_ERROR, "cannot watch a descriptor: %s", strerror(errno));
}

void unwatch_descriptor(int fd)
{
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
}

static void open_poller(void)
{
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller == -1)
        cannot("create an epoll set");
    watch_descriptor(signals, &signals);
    watch_descriptor(timer, &timer);
    watch_descriptor(control, &control);
}

void open_loop(void)
{
    signals = open_signals();
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    control = open_control_socket();
    if (signals == -1 || timer == -1 || control == -1)
        cannot("open what the helper waits on");
    open_poller();
}

void reopen_loop(void)
{
    close(poller);
    open_poller();
    watch_peers();
}

static void earlier(int64_t *next, int64_t time)
{
    if (time != 0 && (*next == 0 || time < *next))
        *next = time;
}

/* Set the timer to the next thing that is due; a system call only when that has changed. */
static void set_timer(void)
{
    int64_t next = expire_peers();
    struct itimerspec when = {{0, 0}, {0, 0}};

    for (const struct generation *g = generations; g; g = g->older)
        earlier(&next, g->next_timer);
    if (next == timer_set)
        return;
    timer_set = next;
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

static void serve(void)
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
        else if (foreign_member_ended(source))
            processes_ended();
        else
            serve_peer(source);
    }
    if (newcomers) /* last: it may drop a peer that the loop above has an event of */
        accept_peers();
}

_Noreturn void run_loop(void)
{
    for (;;) {
        set_timer();
        serve();
        bury_generations();
    }
}

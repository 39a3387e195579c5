/*
 * Signals, the control socket, a timer and whatever else is watched tell what happens. That becomes
 * events of generations, and these take effect before anything else is served.
 */
#include "loop.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "control.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/usage.h"
#include "helper/generation/generation.h"
#include "helper/kernel/poller.h"
#include "helper/lifecycle/exits.h"
#include "helper/lifecycle/life.h"
#include "renew.h"
#include "signals.h"

static struct watch signals, timer;

/* When the timer will go off, 0 for never. */
static int64_t timer_set;

static void serve_signals(struct watch *watch)
{
    read_signals(watch->fd);
}

static void timers_due(struct watch *watch)
{
    uint64_t expirations;

    if (read(watch->fd, &expirations, sizeof expirations) == -1)
        return;
    for (struct generation *g = generations; g; g = g->older)
        if (g->next_timer != 0 && g->next_timer <= now())
            happen(g, TIMER);
}

/* Returns 0, or -1 with errno set. */
static int watch_signals_and_timer(int signal_fd)
{
    int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    if (signal_fd == -1 || timer_fd == -1)
        return -1;
    watch_descriptor(&signals, signal_fd, serve_signals);
    watch_descriptor(&timer, timer_fd, timers_due);
    return 0;
}

void open_loop(void)
{
    int signal_fd = open_signals();

    if (open_poller() == 0 && watch_signals_and_timer(signal_fd) == 0 && open_control_socket() == 0)
        return;
    log_line(LEVEL_ERROR, "cannot open what the helper waits on: %s", strerror(errno));
    exit(EXIT_NOT_EXECUTABLE);
}

/* In this order: the signal that interrupts us ends who has no handler for it. */
int resume_loop(void)
{
    return open_poller() == 0 ? watch_signals_and_timer(reopen_signals()) : -1;
}

static void earlier(int64_t *next, int64_t time)
{
    if (time != 0 && (*next == 0 || time < *next))
        *next = time;
}

/*
 * Set the timer to the next thing that is due; a system call only when that has changed. One that
 * has failed is tried again: it must not be taken for set. The time left is what it gets, by a
 * system call: libfaketime, preloaded for the server, wraps timerfd_settime() too, and an absolute
 * time of a clock that is not faked would never come.
 */
static void set_timer(void)
{
    int64_t next = look_after_peers();
    struct itimerspec when = {{0, 0}, {0, 0}};
    int64_t left;

    earlier(&next, next_review());
    earlier(&next, next_renewal());
    for (const struct generation *g = generations; g; g = g->older)
        earlier(&next, g->next_timer);
    if (next == timer_set)
        return;
    if (next != 0) {
        left = next - now();
        if (left <= 0)
            left = 1; /* 0 would disarm it */
        when.it_value.tv_sec = (time_t)(left / SECOND);
        when.it_value.tv_nsec = (long)(left % SECOND);
    }
    if ((sizeof when.it_value.tv_sec > sizeof(long)
             ? timerfd_settime(timer.fd, 0, &when, NULL)
             : syscall(SYS_timerfd_settime, timer.fd, 0, &when, NULL)) == 0)
        timer_set = next;
}

_Noreturn void run_loop(void)
{
    for (;;) {
        review_ends();
        do
            follow_events();
        while (renew_as_asked());
        set_timer();
        serve_descriptors(follow_events);
    }
}

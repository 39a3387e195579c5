/* Everything the helper does follows from one event at a time, in this loop. */
#include "loop.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "generation.h"
#include "log.h"
#include "signals.h"
#include "usage.h"

enum { BATCH = 32 };

static int poller;

/* All that is watched, and the events that have been taken from the set and not been served yet. */
static struct watch *watches;
static struct epoll_event batch[BATCH];
static int batch_size;

static struct watch signals, timer;

/* When the timer will go off, 0 for never. */
static int64_t timer_set;

static _Noreturn void cannot(const char *what)
{
    log_line(LEVEL_ERROR, "cannot %s: %s", what, strerror(errno));
    exit(EXIT_NOT_EXECUTABLE);
}

static void add_to_poller(struct watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

    if (epoll_ctl(poller, EPOLL_CTL_ADD, watch->fd, &event) == -1)
        log_line(LEVEL_ERROR, "cannot watch a descriptor: %s", strerror(errno));
}

void watch_descriptor(struct watch *watch, int fd, void (*serve)(struct watch *watch))
{
    *watch = (struct watch){watches, fd, serve};
    watches = watch;
    add_to_poller(watch);
}

void unwatch_descriptor(struct watch *watch)
{
    struct watch **at = &watches;

    while (*at && *at != watch)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = watch->next;
    epoll_ctl(poller, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = 0; i < batch_size; i++)
        if (batch[i].data.ptr == watch)
            batch[i].data.ptr = NULL;
}

static void open_poller(void)
{
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller == -1)
        cannot("create an epoll set");
}

static void serve_signals(struct watch *watch)
{
    read_signals(watch->fd);
}

static void timers_due(struct watch *watch)
{
    struct generation *older;
    uint64_t expirations;

    if (read(watch->fd, &expirations, sizeof expirations) == -1)
        return;
    for (struct generation *g = generations; g; g = older) {
        older = g->older;
        if (g->next_timer != 0 && g->next_timer <= now()) {
            g->next_timer = 0;
            happen(g, TIMER);
        }
    }
}

void open_loop(void)
{
    int signal_fd = open_signals();
    int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    open_poller();
    if (signal_fd == -1 || timer_fd == -1 || open_control_socket() == -1)
        cannot("open what the helper waits on");
    watch_descriptor(&signals, signal_fd, serve_signals);
    watch_descriptor(&timer, timer_fd, timers_due);
}

void reopen_loop(void)
{
    close(poller);
    open_poller();
    for (struct watch *watch = watches; watch; watch = watch->next)
        add_to_poller(watch);
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
    timerfd_settime(timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void serve(void)
{
    batch_size = epoll_wait(poller, batch, BATCH, -1);
    for (int i = 0; i < batch_size; i++) {
        struct watch *watch = batch[i].data.ptr;

        if (watch) /* else one that was served before it has ended it */
            watch->serve(watch);
    }
    batch_size = 0;
}

_Noreturn void run_loop(void)
{
    for (;;) {
        set_timer();
        serve();
        bury_generations();
    }
}

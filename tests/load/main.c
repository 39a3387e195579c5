/*
 * The loop: waits for the nearest of an event, a client's timer, the next connection of --rate
 * and the end of the run. A signal or the end lets the exchanges in flight finish.
 */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static volatile sig_atomic_t told_to_stop;

static void tell_to_stop(int signal)
{
    (void)signal;
    told_to_stop = 1;
}

/* The signals are blocked except inside epoll_pwait(), so that none comes just before it. */
static void catch_signals(sigset_t *while_waiting)
{
    struct sigaction action = {.sa_handler = tell_to_stop};
    sigset_t stop;

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, while_waiting);
    sigdelset(while_waiting, SIGINT);
    sigdelset(while_waiting, SIGTERM);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Kept and slow clients are spread over their interval, not all in step. */
static void add_clients(int64_t now)
{
    for (int i = 0; i < options.clients; i++)
        add_client(CLOSED, now);
    for (int i = 0; i < options.kept; i++)
        add_client(KEPT, now + options.kept_interval * i / options.kept);
    for (int i = 0; i < options.slow; i++)
        add_client(SLOW, now + options.slow_time * i / options.slow);
}

/* Adds those clients of --rate whose time has come; returns when the next one's will. */
static int64_t add_rate_clients(int64_t now)
{
    static int64_t added;
    int64_t due = INT64_MAX;

    if (options.rate == 0)
        return INT64_MAX;
    while ((due = statistics.began + added * SECOND_NS / options.rate) <= now) {
        add_client(RATE, due);
        added++;
    }
    return due;
}

static void run_due_timers(int64_t now)
{
    struct client *client;

    while ((client = nearest_timer()) != NULL && client->due <= now)
        handle_client_timer(client, now);
}

static void tell_ready(void)
{
    if (options.ready_fd < 0 || statistics.answers == 0)
        return;
    if (write(options.ready_fd, "\n", 1) != 1)
        fprintf(stderr, "load: --ready-fd: %s\n", strerror(errno));
    close(options.ready_fd);
    options.ready_fd = -1;
}

/* Milliseconds until then, rounded up: a timer is late by less than one, and nothing spins. */
static int timeout_until(int64_t then)
{
    int64_t left = then - now_ns();

    if (left <= 0)
        return 0;
    return left >= SECOND_NS ? 1000 : (int)((left + MS_NS - 1) / MS_NS);
}

static void wait_for_events(int epoll_fd, int64_t until, const sigset_t *while_waiting)
{
    struct epoll_event events[256];
    int count = epoll_pwait(epoll_fd, events, sizeof(events) / sizeof(events[0]),
                            timeout_until(until), while_waiting);

    for (int i = 0; i < count; i++)
        handle_client_event(events[i].data.ptr);
}

/* Until when there is nothing to do but wait for events. */
static int64_t next_due(int64_t next_rate, int64_t end)
{
    const struct client *client = nearest_timer();
    int64_t next = next_rate < end ? next_rate : end;

    return client != NULL && client->due < next ? client->due : next;
}

static void run(int epoll_fd, const sigset_t *while_waiting)
{
    int64_t end = statistics.began + options.duration;
    int64_t now;

    while ((now = now_ns()) < end && !told_to_stop) {
        int64_t next_rate = add_rate_clients(now);

        run_due_timers(now);
        wait_for_events(epoll_fd, next_due(next_rate, end), while_waiting);
        tell_ready();
    }
    stop_clients();
    while (exchanges_in_flight() > 0) {
        run_due_timers(now_ns());
        wait_for_events(epoll_fd, next_due(INT64_MAX, INT64_MAX), while_waiting);
        tell_ready();
    }
}

int main(int argc, char **argv)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    sigset_t while_waiting;

    if (epoll_fd < 0) {
        perror("load: epoll_create1");
        return EXIT_FAILURE;
    }
    read_options(argc, argv);
    catch_signals(&while_waiting);
    raise_descriptor_limit();
    prepare_clients(epoll_fd);
    open_events();
    statistics.began = now_ns();
    add_clients(statistics.began);
    run(epoll_fd, &while_waiting);
    statistics.ended = now_ns();
    close_events();
    if (options.json)
        print_json(stdout);
    else
        print_table(stdout);
    if (statistics.answers == 0)
        return 3;
    return all_failures() > 0 ? 1 : 0;
}

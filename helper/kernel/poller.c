#include "poller.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "impatience.h"

enum { BATCH = 32 };

/* Milliseconds until a watch is tried again for which the set had no room. */
enum { RETRY_AFTER = 10 };

static int poller;

/* All that is watched, and the events that have been taken from the set and not been served yet. */
static struct watch *watches;
static struct epoll_event batch[BATCH];
static int batch_size;

/* How many are left out; and whether the log has said so, which it does once. */
static int left_out;
static bool complained;

static bool fits_in_set(struct watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

    return epoll_ctl(poller, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

static void add_to_set(struct watch *watch)
{
    watch->left_out = !fits_in_set(watch);
    left_out += watch->left_out;
    if (watch->left_out && !complained)
        log_line(LEVEL_ERROR, "cannot wait for a descriptor: %s; it is looked at every %d ms",
                 strerror(errno), RETRY_AFTER);
    complained |= watch->left_out;
}

static void take_in(struct watch *watch)
{
    watch->left_out = false;
    left_out--;
}

void watch_descriptor(struct watch *watch, int fd, void (*serve)(struct watch *watch))
{
    *watch = (struct watch){.next = watches, .fd = fd, .serve = serve};
    watches = watch;
    add_to_set(watch);
}

void unwatch_descriptor(struct watch *watch)
{
    struct watch **at = &watches;

    while (*at && *at != watch)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = watch->next;
    if (watch->left_out)
        take_in(watch);
    epoll_ctl(poller, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = 0; i < batch_size; i++)
        if (batch[i].data.ptr == watch)
            batch[i].data.ptr = NULL;
}

int open_poller(void)
{
    open_impatience(INTERRUPTING_SIGNAL);
    poller = epoll_create1(EPOLL_CLOEXEC);
    return poller == -1 ? -1 : 0;
}

int reopen_poller(void)
{
    close(poller);
    if (open_poller() == -1)
        return -1;
    left_out = 0;
    for (struct watch *watch = watches; watch; watch = watch->next)
        add_to_set(watch);
    return 0;
}

/* One that can be read, of those that the set still has no room for. */
static struct watch *find_left_out(void)
{
    struct watch *found = NULL;

    for (struct watch *watch = watches; watch; watch = watch->next) {
        struct pollfd state = {.fd = watch->fd, .events = POLLIN};

        if (!watch->left_out)
            continue;
        if (fits_in_set(watch))
            take_in(watch);
        else if (poll(&state, 1, 0) == 1)
            found = watch;
    }
    return found;
}

static void serve_left_out(void (*then)(void))
{
    struct watch *watch = find_left_out();

    if (!watch)
        return;
    watch->serve(watch);
    then();
}

void serve_descriptors(void (*then)(void))
{
    become_patient();
    batch_size = epoll_wait(poller, batch, BATCH, left_out > 0 ? RETRY_AFTER : -1);
    if (batch_size > 0 || left_out > 0)
        become_impatient();
    for (int i = 0; i < batch_size; i++) {
        struct watch *watch = batch[i].data.ptr;

        if (!watch) /* one that was served before it has ended it */
            continue;
        watch->serve(watch);
        then();
    }
    batch_size = 0;
    if (left_out > 0)
        serve_left_out(then);
}

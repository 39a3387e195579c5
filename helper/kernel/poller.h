/* The one epoll set that everything waits on, and what is to be done for each descriptor in it. */
#ifndef TFHELPER_POLLER_H
#define TFHELPER_POLLER_H

#include <stdbool.h>

/* Something that is waited for; part of whatever the descriptor belongs to. */
struct watch {
    struct watch *next;
    int fd;
    void (*serve)(struct watch *watch);
    bool left_out; /* the set had no room for it: poll(2) is asked instead, and the set again */
};

/* Create the set. Returns 0, or -1 with errno set. */
int open_poller(void);

/*
 * A new set, in the child of a fork: epoll(7) would go on to watch the signals of the process that
 * registered the signalfd. Returns what open_poller() does.
 */
int reopen_poller(void);

/* Have serve() called whenever the descriptor can be read, or its other end is closed. */
void watch_descriptor(struct watch *watch, int fd, void (*serve)(struct watch *watch));

/*
 * Stop watching, before the descriptor is closed. Closing is not enough: a child between fork and
 * exec has a copy, and epoll(7) watches as long as one is open. From now on serve() is not called,
 * not even for what has happened.
 */
void unwatch_descriptor(struct watch *watch);

/* Wait until something can be served, and serve it; after each, call `then`. See impatience.h. */
void serve_descriptors(void (*then)(void));

#endif

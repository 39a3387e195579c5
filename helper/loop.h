/* The one epoll set that everything waits on. */
#ifndef TFHELPER_LOOP_H
#define TFHELPER_LOOP_H

/* Open the descriptors of the loop and the set that watches them; ends the helper if it cannot. */
void open_loop(void);

/*
 * A new set, in the child of a fork: epoll(7) would go on to watch the signals
 * of the process that registered the signalfd.
 */
void reopen_loop(void);

/* Something that is waited for; part of whatever the descriptor belongs to. */
struct watch {
    struct watch *next;
    int fd;
    void (*serve)(struct watch *watch);
};

/* Have serve() called whenever the descriptor can be read, or its other end is closed. */
void watch_descriptor(struct watch *watch, int fd, void (*serve)(struct watch *watch));

/*
 * Stop watching, before the descriptor is closed. Closing is not enough: a
 * child between fork and exec has a copy, and epoll(7) watches as long as one
 * is open. From now on serve() is not called, not even for what has happened.
 */
void unwatch_descriptor(struct watch *watch);

/* Wait for events for ever, and let them take effect. */
_Noreturn void run_loop(void);

#endif

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

/* Watch a descriptor for reading; `source` is handed to serve_peer() or foreign_member_ended(). */
void watch_descriptor(int fd, void *source);

/*
 * Stop watching a descriptor, before it is closed. Closing is not enough: a
 * child between fork and exec has a copy, and epoll(7) watches as long as one
 * is open.
 */
void unwatch_descriptor(int fd);

/* Wait for events for ever, and let them take effect. */
_Noreturn void run_loop(void);

#endif

/*
 * What the program has told epoll_ctl(2) of its listeners. The kernel says it as well, but only
 * in a text about the whole set, 1 us for each connection in it, while the program stands still.
 */
#ifndef TFPRELOAD_TOLD_SETS_H
#define TFPRELOAD_TOLD_SETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

/*
 * Before and after the kernel is told something of fd, by an operation of epoll_ctl(2). Nobody else
 * tells meanwhile, so that what is remembered comes in the order in which the kernel did it.
 * Returns false where that could not be waited for: then nothing is to end, and the kernel is asked
 * from now on. Changes errno; not in a handler of ours.
 */
bool begin_telling(int set, int operation, int fd);
void end_telling(void);

/* In between: it was told this, of the socket with that inode; or all about the number is stale. */
void remember_told(int set, int fd, ino_t inode, const struct epoll_event *event);
void forget_told(int fd);

/*
 * How the set was told to watch this socket under this number. Returns false where nobody has said
 * so through libc, or is saying something: then the kernel has to be asked. What the kernel does
 * not confirm to be registered may be stale. Async-signal-safe.
 */
bool find_told(int set, int fd, ino_t inode, struct epoll_event *event);

#endif

/* The listeners that one generation hands to the next, while the helper holds them. */
#ifndef TFHELPER_INHERITANCE_H
#define TFHELPER_INHERITANCE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../preload/protocol.h"

struct inherited {
    int fd;
    uint64_t inode;
    pid_t from; /* who sent it; with `order`, the k-th of its kind */
    uint32_t order;
    struct listener_key key;
    int status_flags;              /* as collected */
    struct f_owner_ex async_owner; /* who gets a signal for a client, and which: O_ASYNC */
    int async_signal;
    int backlog;   /* -1: not known */
    int options;   /* a socket that is never bound: it keeps the options as collected */
    bool reusable; /* SO_REUSEADDR of a datagram socket, before we allowed a second one */
    bool claimed;
    int64_t claimed_at;
    bool listening;
    bool split;   /* a leftover, which is no SO_REUSEPORT set with its twins: shrinking_set.c */
    bool kept_to; /* clients of its SO_REUSEPORT set keep to what is inherited: growing_set.c */
};

struct inheritance {
    struct inherited *item;
    size_t count;
};

/*
 * Take a listener into the inheritance: `fd` belongs to it from now on, and is
 * closed at once if the same socket is in it already.
 */
void inherit(struct inheritance *inheritance, const struct message *message, pid_t from, int fd);

/* The next unclaimed listener for this key, marked as claimed; NULL if there is none. */
struct inherited *claim(struct inheritance *inheritance, const struct listener_key *key);

/* The listener with this inode, or NULL. */
struct inherited *find_inherited(struct inheritance *inheritance, uint64_t inode);

/* Is everything claimed and listening? */
bool fully_claimed(const struct inheritance *inheritance);

/* Is anything claimed? */
bool partly_claimed(const struct inheritance *inheritance);

/* Make every listener what it was when collected: status flags, options, backlog. */
void restore_listeners(const struct inheritance *inheritance);

/*
 * While the old generation retires, its late answers need a second socket on
 * the port of a datagram socket: allow that, and put it back as it was.
 */
void allow_second_senders(struct inheritance *inheritance);
void forbid_second_senders(struct inheritance *inheritance);

/* How many connections wait in the queues of those that are claimed, datagrams aside? */
size_t queued(const struct inheritance *inheritance);

/* Close them all. */
void release(struct inheritance *inheritance);

#endif

/* The listeners that one generation hands to the next, while the helper holds them. */
#ifndef TFHELPER_INHERITANCE_H
#define TFHELPER_INHERITANCE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/kernel/socket_file.h"
#include "preload/wire/protocol.h"

struct inherited {
    int fd;
    uint64_t inode;
    pid_t from;    /* who sent it; with `position`, its first, second, … bind */
    bool of_first; /* that was the first process of its generation */
    uint32_t position;
    struct listener_key key;
    char path[SOCKET_PATH_SIZE]; /* by which clients find a unix socket; empty: that is not known */
    int status_flags;            /* as collected */
    struct f_owner_ex async_owner; /* who gets a signal for a client, and which: O_ASYNC */
    int async_signal;
    uid_t async_setter[2]; /* real and effective uid of who has set that; UINT32_MAX: not known */
    int backlog;           /* -1: not known */
    int options;           /* a socket that is never bound: it keeps the options as collected */
    bool reusable;         /* SO_REUSEADDR of a datagram socket, before we allowed a second one */
    bool second_senders;   /* we have: what is read of it now is ours */
    bool claimed;
    int64_t claimed_at;
    bool listening;
    unsigned abandoned;   /* in so many looks in a row, nobody of its generation has held it */
    int64_t waited_since; /* in a trial: since when a client waits there, or 0 */
    bool split;   /* a leftover, which is no SO_REUSEPORT set with its twins: shrinking_set.c */
    bool kept_to; /* clients of its SO_REUSEPORT set keep to what is inherited: growing_set.c */
};

struct inheritance {
    struct inherited *item;
    size_t count;
};

/*
 * Take a listener into the inheritance: `fd` belongs to it from now on, and is
 * closed at once if the same socket is in it already. `first`: `from` is the
 * first process of its generation, whose word goes before that of all others.
 */
void inherit(struct inheritance *inheritance, const struct message *message, pid_t from, bool first,
             int fd);

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

/* Nobody has claimed any of them yet: they are for another generation now. */
void unclaim(struct inheritance *inheritance);

/* They are those of a generation that listens on all of them. */
void claim_all(struct inheritance *inheritance);

/* Put copies of those that are not in there yet, unclaimed, into `inheritance`. */
void copy_inheritance(struct inheritance *inheritance, const struct inheritance *from);

/* What waits at this listener: connections, or bytes of datagrams. */
size_t waiting_at(const struct inherited *item);

/* How many connections wait in the queues of those that are claimed, datagrams aside? */
size_t queued(const struct inheritance *inheritance);

/* Close the k-th of them, and take it out. */
void release_one(struct inheritance *inheritance, size_t k);

/* Close them all. */
void release(struct inheritance *inheritance);

#endif

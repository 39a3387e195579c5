/*
 * The little about a listener that the kernel cannot tell: which address the
 * program asked for, and how it waits on it.
 */
#ifndef TFPRELOAD_NOTES_H
#define TFPRELOAD_NOTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "protocol.h"

struct note {
    struct note *next;    /* of all that there is room for */
    _Atomic(ino_t) inode; /* 0: free. Published last, so that a handler reads whole notes */
    int fd;               /* where it was when the note was taken */
    uint32_t order;       /* the k-th note that this process took */
    struct listener_key key;
    atomic_bool private;        /* made for one client: neither inherited nor retired */
    atomic_bool datagram;       /* no listener, but what serves clients all the same */
    atomic_bool adopted;        /* it came from the generation before */
    atomic_bool unlistened;     /* adopted, and listen() has not been called */
    atomic_bool undecided;      /* adopted for a blocking socket: see blocking.c */
    atomic_bool wants_blocking; /* adopted for a blocking socket, whatever it is by now */
    atomic_bool polled;         /* the program waits for it in poll, select or epoll */
    atomic_bool collected;      /* a successor may change its status flags */
    atomic_int status_flags;    /* F_GETFL when it was collected, O_NONBLOCK among them */
};

/*
 * Take a note of listener `fd`, in place of an earlier one for the same socket.
 * Not in a signal handler. Returns the note, or NULL: in the child of a vfork, or
 * without memory.
 */
struct note *take_note(int fd, const struct listener_key *key);

/* The note on the socket with this inode, or NULL. Async-signal-safe. */
struct note *find_note(ino_t inode);

/* Can a socket of this family be inherited? */
bool is_inheritable(int family);

/* A datagram socket of such a family that is not connected. Its note may say for what it is. */
bool may_serve_datagrams(int fd);

/* Does fd serve clients: a listener, or a datagram socket that was bound for that? */
bool serves_clients(int fd);

/* wanted() for survey_descriptors(): all of those, of a family that can be inherited. */
bool want_service_sockets(int fd, ino_t inode, void *argument);

/* Call visit() for each note. Async-signal-safe if visit() is. */
void for_each_note(void (*visit)(struct note *note, void *argument), void *argument);

/* Has this process, or one that it was forked from, taken any note? Async-signal-safe. */
bool have_notes(void);

#endif

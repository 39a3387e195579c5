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

#include "preload/wire/protocol.h"
#include "scan.h"

struct note {
    struct note *next;    /* of all that there is room for */
    _Atomic(ino_t) inode; /* 0: free. Published last, so that a handler reads whole notes */
    int fd;               /* where it was when the note was taken */
    uint32_t position;    /* the first, second, … note that this process took */
    struct listener_key key;
    atomic_bool private;        /* made for one client: neither inherited nor retired */
    atomic_bool datagram;       /* no listener, but what serves clients all the same */
    atomic_bool adopted;        /* it came from the generation before */
    atomic_bool unlistened;     /* adopted, and listen() has not been called */
    atomic_bool undecided;      /* adopted for a blocking socket: see blocking.c */
    atomic_bool wants_blocking; /* adopted for a blocking socket, whatever it is by now */
    atomic_bool polled;         /* the program waits for it in poll, select or epoll */
    atomic_bool collected;      /* a successor may change its status flags */
    atomic_int backlog;         /* of the last listen() */
    atomic_int status_flags;    /* F_GETFL when it was collected, O_NONBLOCK among them */
};

/* Of numbers beyond it is not marked that they have a note: a listener comes before its clients. */
enum { MARKED_NUMBERS = 1024, MARKS_PER_WORD = 32 };

extern atomic_uint marked_numbers[MARKED_NUMBERS / MARKS_PER_WORD];

/* May there be a note on what stands under this number? A load or two, for every epoll_ctl(). */
static inline bool is_marked(int fd)
{
    return (unsigned)fd < MARKED_NUMBERS &&
           atomic_load_explicit(&marked_numbers[fd / MARKS_PER_WORD], memory_order_relaxed) >>
                   (fd % MARKS_PER_WORD) &
               1;
}

/* There is none. */
void unmark_number(int fd);

/*
 * Take a note of listener `fd`, in place of an earlier one for the same socket.
 * Not in a signal handler. Returns the note, or NULL: in the child of a vfork, or
 * without memory.
 */
struct note *take_note(int fd, const struct listener_key *key);

/*
 * The note on socket `fd`, taken now under the address that it is bound to if
 * there is none. NULL as above. Not in a signal handler.
 */
struct note *note_socket(int fd);

/* The note on the socket with this inode, or NULL. Async-signal-safe. */
struct note *find_note(ino_t inode);

/* Can a socket of this family be inherited? */
bool is_inheritable(int family);

/*
 * Is it a datagram socket of such a family, and not connected? It may be a client's for
 * all that the kernel says; serves_clients() knows those that have a note.
 */
bool may_serve_datagrams(int fd);

/* Does fd serve clients: as a listener, or as a datagram socket that was bound for that? */
bool serves_clients(int fd);

/* For scan_descriptors(), as wanted(): every socket that serves clients and can be inherited. */
enum want want_service_sockets(int fd, bool listens, void *argument);

/* Has any datagram socket of this process, or of one that it was forked from, served clients? */
bool serves_datagrams(void);

/* Note that this is a datagram socket, and serves clients. */
void note_datagrams(struct note *note);

/* Call visit() for each note. Async-signal-safe if visit() is. */
void for_each_note(void (*visit)(struct note *note, void *argument), void *argument);

#endif

/* What this process is: a member of a session or not, and which of its forks. */
#ifndef TFPRELOAD_PROCESS_H
#define TFPRELOAD_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "protocol.h"

struct session {
    bool active; /* inside a session, and not in a sandbox: see sandbox.c */
    char name[SESSION_NAME_LENGTH + 1];
    unsigned generation;
    pid_t helper;
    pid_t first; /* this process, if the helper itself has executed it; else 0 */
    int upgrade_signal;
    bool inherits; /* the helper may have a listener for us to adopt */
};

extern struct session session;

/*
 * Why a wait must be looked at before it is entered. Zero on the hot path, so
 * that a wrapper costs one load and one branch.
 */
enum attention {
    ATTENTION_READINESS = 1, /* nobody has told the helper yet that we wait for clients */
    ATTENTION_ADOPTED = 2,   /* how the program waits on an adopted listener is not known yet */
    ATTENTION_UPGRADE = 4,   /* our listeners were collected: a successor shares them */
    ATTENTION_OF_WAITS = 7,
    ATTENTION_STRANGER = 32, /* no listener has been seen here: whoever accepts has got one */
    ATTENTION_FLAGS = 16,    /* an adopted listener's O_NONBLOCK is not what the program believes */
    ATTENTION_RETIRED = 64,  /* a successor serves: what is bound now may be for its clients */
    ATTENTION_POSTPONED = 128, /* a polled datagram socket retires at the next wait: retire.c */
    ATTENTION_UNLISTENED = 8,  /* an adopted socket does not listen yet: it may be a client's */
};

extern atomic_uint attention;

static inline bool wait_needs_attention(void)
{
    return atomic_load_explicit(&attention, memory_order_relaxed) & ATTENTION_OF_WAITS;
}

static inline bool attends(unsigned what)
{
    return atomic_load_explicit(&attention, memory_order_acquire) & what;
}

/*
 * State of one process that no fork inherits: the page that holds it reads as
 * zero in a child, however the child was made (madvise(2), MADV_WIPEONFORK).
 * The child of a vfork shares it with its parent, and is told apart by that: its
 * parent has claimed it, unless it was forked without libc and has never looked.
 */
struct own_state {
    atomic_int pid;          /* 0: forked without libc, nobody has looked */
    atomic_flag survey_lock; /* who holds it may use the survey of this process */
    atomic_flag notes_lock;  /* who holds it may take a note */
    atomic_flag limit_lock;  /* who holds it may lift the limit of descriptors, and restores it */
};

/*
 * The state of the calling process; NULL in the child of a vfork, which must
 * not write our memory since it is its parent's. Safe in a signal handler;
 * keeps errno.
 */
struct own_state *own_state(void);

/* Map the page. Returns 0, or -1 with errno set. */
int create_own_state(void);

#endif

/* What this process is: a member of a session or not, and which of its forks. */
#ifndef TFPRELOAD_PROCESS_H
#define TFPRELOAD_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "preload/wire/protocol.h"

struct session {
    bool active; /* inside a session, and not in a sandbox: see calls/sandbox.c */
    char name[SESSION_NAME_LENGTH + 1];
    uint8_t secret[SECRET_LENGTH];
    uint16_t version; /* of the protocol, which we and the helper speak */
    unsigned generation;
    pid_t helper;
    pid_t opener; /* of the control socket, and its uid: who must be at its other end */
    uid_t opener_uid;
    pid_t first; /* this process, if the helper is its parent, or was when it executed; else 0 */
    bool dies_with_helper; /* it was executed so: see lifecycle/start.c of the helper */
    int upgrade_signal;
    bool shares_files;    /* the operator has named files that generations share */
    bool keeps_peers;     /* of datagram sockets: peers.h */
    bool beside_stranger; /* the generation before has no library: blocking.c */
    bool inherits;        /* the helper may have a listener for us to adopt */
};

extern struct session session;

/*
 * Why a wrapper has more to do than to call libc. In a server that is ready, and not
 * being upgraded, no bit of waits is set, and a wrapper costs one load and one branch.
 */
enum attention {
    /* before a wait is entered, it must be looked at */
    ATTENTION_READINESS = 0x01, /* nobody has told the helper yet that we wait for clients */
    ATTENTION_ADOPTED = 0x02,   /* how the program waits on an adopted listener is not known yet */
    ATTENTION_UPGRADE = 0x04,   /* our listeners were collected: a successor shares them */
    ATTENTION_OF_WAITS = ATTENTION_READINESS | ATTENTION_ADOPTED | ATTENTION_UPGRADE,
    /* other calls */
    ATTENTION_UNLISTENED = 0x08,  /* an adopted socket does not listen yet: it may be a client's */
    ATTENTION_FLAGS = 0x10,       /* a listener's O_NONBLOCK is not what the program believes */
    ATTENTION_NO_LISTENER = 0x20, /* none has been seen here: whoever accepts has been passed one */
    ATTENTION_RETIRED = 0x40,     /* a successor serves: what is bound now may be for its clients */
    ATTENTION_POSTPONED = 0x80,   /* a polled datagram socket retires at the next wait: retire.c */
};

extern atomic_uint attention;

static inline __attribute__((always_inline)) bool wait_needs_attention(void)
{
    return atomic_load_explicit(&attention, memory_order_relaxed) & ATTENTION_OF_WAITS;
}

static inline __attribute__((always_inline)) bool attends(unsigned what)
{
    return atomic_load_explicit(&attention, memory_order_acquire) & what;
}

enum { KNOWN_PROCESSES = 256 };

/*
 * State of one process that no fork inherits: the page that holds it reads as
 * zero in a child, however the child was made (madvise(2), MADV_WIPEONFORK);
 * before Linux 4.14, if it was made by libc.
 * The child of a vfork shares it with its parent, and is told apart by that: its
 * parent has claimed it, unless it was forked without libc and has never looked.
 */
struct own_state {
    atomic_int pid;            /* 0: forked without libc, nobody has looked */
    atomic_flag scan_lock;     /* who holds it may use the scan of this process */
    atomic_flag notes_lock;    /* who holds it may take a note */
    atomic_flag told_lock;     /* who holds it may read and write told_sets.c */
    atomic_int next_to_report; /* the descriptor from which a report of sockets goes on */
    atomic_flag limit_lock;    /* who holds it may lift the limit of descriptors, and restores it */
    atomic_int known[KNOWN_PROCESSES]; /* pids of no other generation, by their remainder */
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

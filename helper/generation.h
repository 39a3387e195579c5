/*
 * A generation: one run of the server, with all the processes that came of it.
 * Its life is a table of states and events, in generation.c.
 */
#ifndef TFHELPER_GENERATION_H
#define TFHELPER_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "endpoints.h"
#include "inheritance.h"
#include "known_sockets.h"
#include "loop.h"
#include "tools.h"

enum { FIRST_GENERATION = 1 };

enum state {
    COLLECTING, /* no process yet: the old generation is handing over its listeners */
    STARTING,   /* executed, not waiting for clients yet */
    SETTLING,   /* waits for clients, but something inherited is unclaimed */
    READY,      /* the current generation */
    RETIRING,   /* told to stop accepting */
    DRAINING,   /* accepts no more, finishes its connections */
    STOPPING,   /* told to end */
    GONE,
    STATES
};

enum event {
    ANSWERED, /* every process asked has answered */
    WAITING,  /* a thread is about to wait for clients */
    CLAIMED,  /* an inherited listener listens again */
    TOLD,     /* it says that it is ready, or somebody says so of it: TFPRELOAD_READY */
    TIMER,    /* the time it asked for has come */
    EXITED,   /* its first process has ended */
    EMPTY,    /* none of its processes is left */
    EVENTS
};

/* RETIRING: what its processes have been told last. */
enum round {
    GIVE_UP,      /* to give up their listeners, but for those where clients still wait */
    EMPTY_QUEUES, /* nothing more: they serve who waits on these */
    GIVE_UP_ALL,  /* to give up these, too */
};

/* A process that was sent an order. */
struct asked {
    pid_t pid;
    bool answered;
    int64_t since; /* of the first order */
    int64_t when;  /* of the last one */
};

/* Its processes are being asked about sockets: see connections.c. */
struct inquiry {
    bool open;
    bool of_blind; /* the processes that we cannot look into are asked, too */
    int64_t since;
    int64_t progress;          /* when it last became shorter */
    unsigned long long *inode; /* the sockets in question */
    size_t count;
};

struct generation {
    struct generation *older;
    unsigned number;
    enum state state;
    pid_t first; /* the process that was executed; 0 before that */
    bool exited; /* the first process has ended, with: */
    int wait_status;
    bool last;                 /* never executed: it takes the listeners when the service ends */
    int64_t begun;             /* when its upgrade was asked for, 0 for the first */
    int64_t output;            /* how long the server's stderr was when it began; -1: no file */
    int64_t started;           /* when it was executed */
    int64_t since;             /* when it entered its state */
    int64_t deadline;          /* when the state must have ended */
    int64_t next_timer;        /* when TIMER is due, 0 for never */
    bool speaks;               /* it has said READY=1 */
    struct watch notices;      /* where it does */
    struct watch ready_pipe;   /* or writes a newline */
    struct tool probe;         /* or is asked by this */
    bool told;                 /* TFPRELOAD_READY has been satisfied */
    bool unready;              /* READY all the same, since there is no other to go on with */
    bool looked_for_strays;    /* READY: see ready.c */
    bool waits;                /* a thread has been seen to wait for clients */
    bool complained;           /* the delay of this state has been logged */
    unsigned long long *bound; /* inodes of the datagram sockets that it has bound */
    size_t bound_count;
    size_t connections; /* DRAINING: at the last certain count */
    int rearmed;        /* READY, RETIRING: how often it was told to look at its queues */
    enum round round;   /* RETIRING: see retire.c */
    int64_t asked_at;   /* RETIRING: when this round began */
    int64_t hushed_at;  /* RETIRING: when nobody new was let in any more at leftovers, or 0 */
    bool counted;       /* DRAINING: there has been a first count */
    bool all_taken;     /* DRAINING: every connection on its ports has been taken for its own */
    int quiet_looks;    /* DRAINING: how many looks in a row found no connection */
    struct asked *asked;
    size_t asked_count;
    struct inheritance inheritance; /* what it inherits, until its upgrade is over; then, while
                                       it is RETIRING, what its successor has not claimed */
    struct endpoint *endpoints;     /* where its connections came in */
    size_t endpoint_count;
    struct endpoint *datagrams; /* where its datagrams did: no connection shows their answers */
    size_t datagram_count;
    struct known_sockets sockets; /* what its processes have said of theirs, since they retired */
    struct inquiry inquiry;       /* DRAINING: into those that nobody has said anything of */
};

extern struct generation *generations; /* the newest first */
extern struct generation *current;     /* the one that is READY, NULL before the first */

struct generation *new_generation(void);

/* The generation with this number, or NULL. */
struct generation *find_generation(unsigned number);

/* Let an event take effect, as the table says. */
void happen(struct generation *generation, enum event event);

/* Enter a state. `timer`: nanoseconds until TIMER, 0 for none. */
void enter(struct generation *generation, enum state state, int64_t timer);

const char *state_name(enum state state);

/* "exited with status 3", "was killed by SIGSEGV". One result is valid at a time. */
const char *ending_text(int wait_status);

/* Free the generations that are GONE. Not while one of them is in use. */
void bury_generations(void);

#endif

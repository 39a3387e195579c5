/*
 * A generation: one run of the server, with all the processes that came of it. What each step of an
 * upgrade needs to remember stands in a structure of that step's own.
 */
#ifndef TFHELPER_GENERATION_H
#define TFHELPER_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "events.h"
#include "helper/kernel/poller.h"
#include "helper/listeners/endpoints.h"
#include "helper/listeners/inheritance.h"
#include "helper/processes/orders.h"
#include "helper/processes/tools.h"
#include "known_sockets.h"
#include "preload/wire/keys.h"
#include "states.h"

struct peers;
struct trace;

enum { REASON_SIZE = 512 };

/* What was executed, and where, held open. -1: not known. */
struct program {
    int file;
    int directory;
};

extern const struct program NO_PROGRAM;

/* Step 5: what has shown, or may show, that it is ready. */
struct signs {
    bool speaks;               /* it has said READY=1 */
    struct watch notices;      /* where it does */
    struct watch ready_pipe;   /* or writes a newline */
    struct tool probe;         /* or is asked by this */
    bool told;                 /* TFPRELOAD_READY has been satisfied */
    bool waits;                /* a thread has been seen to wait for clients */
    bool surely;               /* of a traced one: and that is no mere intention */
    unsigned long long *bound; /* inodes of the sockets that it has bound to serve on */
    size_t bound_count;
};

/* Between step 5 and step 6, where only that can show it: does it take clients? */
struct trial {
    int64_t begun;
    int64_t wait; /* before the next one, which is twice as long each time */
};

/* After it was ready: until when its predecessor is kept, in case it turns out bad. */
struct probation {
    int64_t hold;  /* for so long somebody may decide, as the request for its upgrade said; or 0 */
    int64_t until; /* 0: it is not on probation */
    bool probed;   /* the time is over, and the probe is being asked once more */
};

/* Step 6: how far it has come in giving up its listeners. */
struct retirement {
    int64_t begun;
    int64_t asked_at;  /* when its processes were first told what they have been told last */
    int64_t hushed_at; /* when nobody new was let in any more where clients still wait, or 0 */
    int rearmed;       /* how often it was told to look at its queues */
    int error;         /* why a process could not, as far as that has been logged */
    pid_t holding;     /* a traced process that holds a listener still, or 0 */
};

/* Its processes are being asked about sockets that nobody has said anything of. */
struct inquiry {
    bool open;
    bool of_blind; /* the processes that we cannot look into are asked, too */
    int64_t since;
    int64_t progress;          /* when it last became shorter */
    unsigned long long *inode; /* the sockets in question */
    size_t count;
};

/* Step 7: the connections that it has left. */
struct drainage {
    size_t connections;           /* at the last certain count */
    bool counted;                 /* there has been a first count */
    bool all_taken;               /* every connection on its ports has been taken for its own */
    bool settled;                 /* no thread has a signal of ours before it, since it retired */
    int64_t next_look;            /* when they are counted again */
    int64_t looked_for_idle;      /* when it was last looked for connections that idle */
    bool told;                    /* that those cannot be ended has been logged */
    int quiet_looks;              /* how many looks in a row found no connection */
    struct known_sockets sockets; /* what its processes have said of theirs, since they retired */
    struct inquiry inquiry;
};

/* The retire signal, which tells it to finish and end by itself. */
struct farewell {
    int64_t told_at;        /* 0: it could serve again */
    int64_t drained_at;     /* since when it has no connections, and nothing but its end is left */
    struct asked_list told; /* to whom it was sent */
};

/* A process that may be about to take the place of its parent: helper/lifecycle/own_upgrade.c. */
struct candidate {
    pid_t pid;
    uint64_t started;
    pid_t parent;      /* which has executed it */
    uint64_t listener; /* the inode of one that both have had */
};

enum { MOST_CANDIDATES = 4 };

struct own_upgrade {
    bool first_serves;                           /* the first process, or a fork of it */
    struct candidate candidate[MOST_CANDIDATES]; /* the oldest first */
    size_t count;
};

/* A process that has ended; `pid` 0: none. */
struct ended {
    pid_t pid;
    int wait_status;
};

struct generation {
    struct generation *older;
    unsigned number;
    enum state state;
    int64_t begun;            /* when its upgrade was asked for, 0 for the first */
    int64_t since;            /* when it entered its state */
    int64_t deadline;         /* when the state must have ended */
    int64_t next_timer;       /* when TIMER is due, 0 for never */
    bool complained;          /* the delay of this state has been logged */
    char reason[REASON_SIZE]; /* why its upgrade has failed */
    char obstacle[160]; /* what it has met of its predecessor, which may be why; empty: nothing */

    pid_t first;   /* the process that is to execute the program; 0 before that */
    bool executed; /* it has */
    int64_t started;
    int64_t output; /* how long the server's stderr was when it was executed; -1: it is no file */
    unsigned replaces;       /* the generation that was current when its upgrade was asked for */
    struct program program;  /* where that may be needed again: TFPRELOAD_OVERLAP=no */
    struct program fallback; /* of the one that it replaces, should it fail */
    bool by_descriptor;      /* it is executed from `program`, and not by its path */
    bool awaits;             /* an upgrade that waits until its predecessor is gone */
    bool restarts;           /* it is started since the one before has ended */
    bool rejected;           /* it has failed, or was rolled back: nobody goes back to it */
    bool crashed;  /* it has ended by itself, and another one was started: it cannot serve again */
    bool stranger; /* it ran before us: none of its processes is ours, nor the status of its end */
    bool exited;   /* the first process has ended, with: */
    int wait_status;
    struct ended last_ended; /* of the others, as far as they are our children */

    uint64_t kept_signals; /* for when it is ready: bit N - 1 for signal N */

    struct asked_list asked;        /* who was given the present order */
    struct inheritance inheritance; /* what it inherits, until its upgrade is over; then, while it
                                       retires, what its successor has not claimed */
    int rearmed;   /* how often it was told to look at the queues that it has inherited */
    bool finished; /* its upgrade is over: what it has inherited is kept for a roll-back alone */
    bool looked_for_strays;
    struct endpoint *endpoints; /* where its connections came in */
    size_t endpoint_count;
    struct endpoint *datagrams; /* where its datagrams did: no connection shows their answers */
    size_t datagram_count;
    struct peers *peers; /* whom it talks to over these, with TFPRELOAD_UDP=sessions; or NULL */

    unsigned library; /* version of the protocol that its library speaks; 0: it has said nothing */

    struct trace *trace; /* watched from outside, not by the library: helper/trace; or NULL */

    struct file_identity *removed; /* pid files that it has removed, as far as it knows */
    size_t removed_count;

    struct own_upgrade own_upgrade;
    struct signs signs;
    struct probation probation;
    struct trial trial;
    struct retirement retirement;
    struct drainage drainage;
    struct farewell farewell;
};

extern struct generation *generations; /* the newest first */
extern struct generation *current;     /* the one that serves, NULL before the first is ready */

struct generation *new_generation(void);

/* The highest number that one has ever had; and to have the next one get the number behind it. */
unsigned last_number(void);
void count_on_from(unsigned number);

/* The generation with this number, or NULL. */
struct generation *find_generation(unsigned number);

/*
 * The youngest one before this that could serve again: it has retired or is about to, is not told
 * to end and has not crashed. Or NULL.
 */
struct generation *find_predecessor(const struct generation *generation);

/* How long until the state must have ended; -1: there is no such time. */
int64_t time_left(const struct generation *generation);

/* Enter a state. `timer`: nanoseconds until TIMER, 0 for none. */
void enter(struct generation *generation, enum state state, int64_t timer);

/*
 * The upgrade to this generation cannot come to pass: FAILED, with the reason for the log. Of
 * several reasons, the first one counts.
 */
void fail_upgrade(struct generation *generation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Close what is held open of it. */
void forget_program(struct program *program);

/* Free a generation that is GONE, and is in no list any more. Its watches have ended. */
void free_generation(struct generation *generation);

/* Neither status 0, nor a signal by which somebody ends a server: as systemd.service(5) has it. */
bool has_failed(int wait_status);

/* "exited with status 3", "was killed by SIGSEGV". One result is valid at a time. */
const char *ending_text(int wait_status);

/* The same of the first process of this generation, as far as it is known: "ended" if it is not. */
const char *end_of(const struct generation *generation);

#endif

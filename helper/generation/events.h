/*
 * What happens to a generation. Whoever learns of something appends it here and goes on; the main
 * loop takes one event after the other and lets it take effect, as the table in
 * helper/lifecycle/life.c says. So no step of an upgrade runs inside another one.
 */
#ifndef TFHELPER_EVENTS_H
#define TFHELPER_EVENTS_H

#include <stdbool.h>

struct generation;

enum event {
    ANSWERED,  /* every process asked has answered */
    WAITING,   /* a thread is about to wait for clients */
    CLAIMED,   /* an inherited listener listens again */
    BOUND,     /* it has bound a datagram socket, on which it may receive */
    TOLD,      /* it says that it is ready, or somebody says so of it: TFPRELOAD_READY */
    DENIED,    /* the probe of TFPRELOAD_READY has failed */
    TAKEN,     /* it takes clients, or there were none for long enough */
    TIMER,     /* the time it asked for has come */
    EXITED,    /* its first process has ended */
    EMPTY,     /* none of its processes is left */
    FAILED,    /* it cannot become ready, for the reason that it has */
    DROPPED,   /* the same without a word, since the service itself has ended */
    REPLACED,  /* its successor is ready */
    ROLL_BACK, /* it has ended after it was ready, or is told to, and its predecessor is there */
    RECALLED,  /* its successor is rolled back */
    END,       /* the service is asked to end */
    CUT,       /* it is not to drain any longer, for the reason that it has */
    EVENTS
};

const char *event_name(enum event event);

/* Append an event. */
void happen(struct generation *generation, enum event event);

/* Take the oldest event from the queue; false if there is none. */
bool take_event(struct generation **generation, enum event *event);

#endif

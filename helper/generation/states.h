/*
 * The states of a generation, and what each of them means to the rest of the house. What leads from
 * one to the next is the table in helper/lifecycle/life.c.
 */
#ifndef TFHELPER_STATES_H
#define TFHELPER_STATES_H

#include <stdbool.h>

enum state {
    COLLECTING,  /* no process yet: the old generation is handing over its listeners */
    AWAITING,    /* no process yet: the one before has to be gone, since they cannot overlap */
    RESTARTING,  /* no process yet: the one before has crashed, and this one waits to be started */
    STARTING,    /* executed, not waiting for clients yet */
    SETTLING,    /* waits for clients, but something inherited is unclaimed */
    TRYING,      /* its predecessor has stepped back: does it take the clients? */
    READY,       /* the current generation */
    UNREADY,     /* current all the same: the first one was not ready in time, and runs on */
    WITHDRAWING, /* its upgrade has failed: told to give up its listeners, since it may have clients
                  */
    RETIRING,    /* told to give up its listeners, but for those where clients still wait */
    EMPTYING,    /* serves who waits on these, and takes nobody new */
    CLOSING,     /* told to give up these, too */
    DRAINING,    /* accepts no more, finishes its connections */
    RETURNING,   /* its successor has failed: told to take its listeners back */
    STOPPING,    /* told to end, or killed */
    GONE,
    HOLDING, /* never to be executed: it takes the listeners of a service that is to end */
    STATES
};

/* For people: several states are one to them. */
const char *state_name(enum state state);

/* Are listeners handed over to it? */
bool is_collecting(enum state state);

/* Does the helper hold listeners for it? */
bool is_inheriting(enum state state);

/* Has it been asked for, and not become the current one or failed yet? */
bool is_on_its_way(enum state state);

/* Has it what it will inherit, and only its moment to be executed has not come? */
bool is_put_off(enum state state);

/* May it have what was inherited? Later, bind() means what it says. */
bool may_adopt(enum state state);

/* Is it the current generation, ready or not? */
bool is_serving(enum state state);

/* Has its successor become ready, or its upgrade failed, so that it gives up its listeners, or has
 * done so? */
bool is_retiring(enum state state);
bool has_retired(enum state state);

/* Does it accept no more, and finish what it has accepted? */
bool is_draining(enum state state);

/* May it be so for hours, while nobody owes an answer? Then all of it can be carried: self.c. */
bool may_last(enum state state);

/* Is nothing left of it? */
bool is_gone(enum state state);

#endif

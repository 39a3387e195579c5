/* Sending an order to a process of the server, and the list of those that were sent one. */
#ifndef TFHELPER_ORDERS_H
#define TFHELPER_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pid_index.h"
#include "preload/wire/protocol.h"

struct member;

/* A process that was sent an order. */
struct asked {
    pid_t pid;
    bool answered;
    enum order order;
    int64_t since;     /* of the first order */
    int64_t when;      /* of the last one */
    int64_t next_part; /* when the next part of a long answer is asked for; 0: none is */
    int repeated;
};

struct asked_list {
    struct asked *item;
    size_t count;
    struct pid_index index;
    int64_t looked; /* when order_members() looked at the family, and for how long */
    int64_t cost;
    int64_t next_excuse; /* when those that are silent are looked into */
};

/*
 * Look at the family and order every process of `generation` that takes orders and
 * was not asked yet; ask those again that have not answered for a while. Who
 * was asked and who has answered is kept in `list`. While an answer arrives, nobody is
 * looked at.
 * Returns how many processes have been asked and have not answered; there is one
 * more while some could not be looked at: see `error` of latest_family().
 */
size_t order_members(struct asked_list *list, unsigned generation, enum order order);

/*
 * Order one process, as order_members() does. Returns whether it owes an answer.
 */
bool order_member(struct asked_list *list, const struct member *member, enum order order);

/*
 * How long to wait before the next order_members(), where nothing happens: `shortest`,
 * or longer where a look at the family takes its time.
 */
int64_t pace_of_orders(const struct asked_list *list, int64_t shortest);

/* This process has more to answer. Returns when ask_for_parts() will ask for it; 0: never. */
int64_t note_part(struct asked_list *list, pid_t pid);

/* Ask for the parts that are due. Returns when the next one will be, 0 if none is to be. */
int64_t ask_for_parts(struct asked_list *list, unsigned generation);

/* Order one process, which takes orders, once; no answer is expected. */
void send_order(pid_t pid, enum order order, unsigned generation);

/* Order every process of the generation once; no answer is expected. */
void announce(unsigned generation, enum order order);

/*
 * Is there a thread of this generation that has not come to a signal of ours yet? Then it may be
 * inside of accept(), with a connection that has no number so far. One that blocks the signal never
 * comes to it.
 */
bool has_pending_order(unsigned generation);

/* Note that this process has answered. False if it was not asked, or has answered before. */
bool note_answer(struct asked_list *list, pid_t pid);

/* The first process that has not answered, 0 if all have. */
pid_t find_silent(const struct asked_list *list);

/* The same of those that were first ordered by `until` (now()). */
pid_t find_silent_of(const struct asked_list *list, int64_t until);

/* Was this process sent an order, or noted as told? */
bool was_asked(const struct asked_list *list, pid_t pid);

/* Note a process that was told something to which no answer is expected. */
void note_told(struct asked_list *list, pid_t pid);

/* Forget them all. */
void forget_asked(struct asked_list *list);

#endif

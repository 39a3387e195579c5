/* Sending an order to a process of the server, and the list of those that were sent one. */
#ifndef TFHELPER_ORDERS_H
#define TFHELPER_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../preload/protocol.h"

struct generation;
struct asked;
struct member;

/*
 * Look at the family and order every process of `members` that takes orders and
 * was not asked yet; ask those again that have not answered for a while. Who
 * asked and who answered is kept in `owner`, which may be another generation.
 * Returns how many processes have been asked and have not answered.
 */
size_t order_members(struct generation *owner, const struct generation *members, enum order order);

/*
 * Order one process, as order_members() does. Returns whether it owes an answer.
 */
bool order_member(struct generation *owner, const struct member *member, enum order order);

/* Order one process, which takes orders, once; no answer is expected. */
void send_order(pid_t pid, enum order order, unsigned generation);

/* Note that this process has answered. False if it was not asked, or has answered before. */
bool note_answer(struct generation *owner, pid_t pid);

/* The first process that has not answered, 0 if all have. */
pid_t find_silent(const struct generation *owner);

/* The same of those that were first ordered by `until` (now()). */
pid_t find_silent_of(const struct generation *owner, int64_t until);

/* Forget whom `owner` asked. */
void forget_asked(struct generation *owner);

/* Order every process of the generation once; no answer is expected. */
void announce(const struct generation *members, enum order order);

#endif

/* TFPRELOAD_OVERLAP=no: a successor is started when the generation before it is gone. */
#ifndef TFHELPER_OVERLAP_H
#define TFHELPER_OVERLAP_H

#include <stdbool.h>

struct generation;

/* The listeners for `new` are here: it may start, or waits until the current generation is gone. */
void begin_or_await(struct generation *new);

/* May this one not be started yet, since an older one lives? */
bool has_to_await(const struct generation *generation);

/* Wait for that. */
void begin_awaiting(struct generation *generation);

/* AWAITING, TIMER: is the older one gone? */
void await_again(struct generation *generation);

/* AWAITING, END: it is never started, and the older one finishes what it serves. */
void do_not_await(struct generation *generation);

/*
 * The upgrade to `failed` has failed, and the generation before it is gone: start what that was
 * once more.
 */
void fall_back(struct generation *failed);

#endif

/* TFPRELOAD_HOOK: a program of the operator's that is told what happens. */
#ifndef TFHELPER_HOOK_H
#define TFHELPER_HOOK_H

#include <stdint.h>

struct carrier;
struct generation;

/*
 * Have the hook run with an event ("ready", "failed", "restarted", "retired", …) of a
 * generation and how long it took (nanoseconds); `reason` may be NULL. Hooks
 * run one after the other, in order, and nobody waits for them.
 */
void call_hook(const char *event, const struct generation *generation, int64_t took,
               const char *reason);

/* We are about to end: start all that still wait for their turn. */
void flush_hooks(void);

/* The one that runs, and those that wait: helper/base/carry.h. */
void carry_hooks(struct carrier *carrier);

#endif

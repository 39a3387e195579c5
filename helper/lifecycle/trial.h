/*
 * Between steps 5 and 6 of an upgrade: a program that is traced may have its listeners in an epoll
 * set long before it accepts. Only clients show whether it does.
 */
#ifndef TFHELPER_TRIAL_H
#define TFHELPER_TRIAL_H

#include <stdbool.h>

struct generation;

/* Is it not clear yet whether this generation accepts, and can it be tried? */
bool needs_trial(const struct generation *generation);

/* The old generation steps back, and can be called back. TAKEN follows, or another look. */
void begin_trial(struct generation *generation);

/* TRYING, TIMER: do clients wait, or have they been taken? */
void try_again(struct generation *generation);

#endif

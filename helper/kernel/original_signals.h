/* The mask and the dispositions that the helper was given: whatever it executes gets them back. */
#ifndef TFHELPER_ORIGINAL_SIGNALS_H
#define TFHELPER_ORIGINAL_SIGNALS_H

#include <signal.h>

struct carrier;

/* Keep what was in force before the helper changed it. */
void remember_signals(const sigset_t *mask, const struct sigaction *on_child,
                      const struct sigaction *on_interruption);

/* Put it back, in a child that is about to execute something. Async-signal-safe. */
void restore_signals(void);

/* Both of them: helper/base/carry.h. */
void carry_signals(struct carrier *carrier);

#endif

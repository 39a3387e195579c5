/* Step 3 of an upgrade: execute the server again. */
#ifndef TFHELPER_START_H
#define TFHELPER_START_H

#include <signal.h>

struct generation;

/* Keep what the first generation would have had: signal mask, and SIGCHLD's disposition. */
void remember_signals(const sigset_t *mask, const struct sigaction *on_child);

/* In a child: what it would have had without us. Async-signal-safe. */
void restore_signals(void);

/* Fork and execute the command as this generation's first process. */
void start_generation(struct generation *generation);

#endif

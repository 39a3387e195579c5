/* Signals that are meant for the server: what somebody sends to the pid that he knows, and rounds.
 */
#ifndef TFHELPER_SIGNALLING_H
#define TFHELPER_SIGNALLING_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct generation;

struct passed_signal {
    int number;
    bool queued; /* with this value, by sigqueue(3) */
    union sigval value;
};

/*
 * Pass a signal on: to the generation's first process; of a daemon, whose first
 * has ended, to those on top. Returns how many it reached.
 */
size_t signal_generation(const struct generation *generation, struct passed_signal passed);

/*
 * Send it to every generation that lives. One that starts and has no handler yet would
 * end of it, and gets it once it is ready. `text` says who has it, for a person; empty: nobody.
 */
void signal_every_generation(int number, char *text, size_t size);

/* It is ready: send what has been kept for it. */
void send_kept_signals(struct generation *generation);

#endif

/*
 * What happens to the service, told to everybody who wants to know: clients of
 * the control socket that watch, and whoever asks for the last outcome.
 */
#ifndef TFHELPER_STORY_H
#define TFHELPER_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports.h"

struct generation;

/* The last upgrade that has ended, and how many have. */
struct outcome {
    unsigned generation; /* 0: none yet */
    unsigned old;        /* the one that it was to replace */
    bool failed;
    char reason[REPORT_TEXT];
    int64_t ended;       /* when */
    int64_t took;        /* from the request to ready or failed */
    int64_t retired;     /* how long the old generation took to retire, 0: not yet */
    uint64_t ready_ones; /* upgrades, over the life of the service */
    uint64_t failed_ones;
};

extern struct outcome last_outcome;

void tell_begins(const struct generation *new);
void tell_noted(void);
void tell_ready(const struct generation *generation);
void tell_moved(void); /* the helper has another pid now */
void tell_unready(const struct generation *generation);
void tell_failed(const struct generation *generation, const char *reason);
void tell_retired(const struct generation *old);
void tell_draining(const struct generation *old, size_t left);
void tell_gone(const struct generation *old);
void tell_ending(void);

/* A report with everything that is not known set to "none". */
struct report new_report(enum report_kind kind);

#endif

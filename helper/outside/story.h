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

struct carrier;
struct generation;

/* The last upgrade that has ended, and how many have. */
struct outcome {
    unsigned generation; /* 0: none yet */
    unsigned old;        /* the one that it was to replace */
    bool failed;
    bool rolled_back; /* it was ready, and has failed since */
    char reason[REPORT_TEXT];
    int64_t ended;       /* when */
    int64_t took;        /* from the request to ready or failed */
    int64_t retired;     /* how long the old generation took to retire, 0: not yet */
    uint64_t ready_ones; /* upgrades, over the life of the service */
    uint64_t failed_ones;
    uint64_t rolled_back_ones; /* of those that were ready */
    uint64_t restarts;         /* of a server that had ended by itself */
};

extern struct outcome last_outcome;

/* `hint`: what whoever asks had better know, or empty. */
void tell_begins(const struct generation *new, const char *hint);
void tell_noted(void);
void tell_ready(const struct generation *generation);
void tell_moved(void); /* the helper has another pid now */
void tell_unready(const struct generation *generation);
void tell_failed(const struct generation *generation, const char *reason, bool old_serves);
void tell_rolled_back(const struct generation *failed, const struct generation *old);
void tell_returned(const struct generation *old);
void tell_restarted(const struct generation *ended, const struct generation *new, const char *why);
void tell_committed(const struct generation *generation);
void tell_refused(const char *why);
void tell_renewed(void); /* the helper is a new program */
void tell_retired(const struct generation *old);
void tell_draining(const struct generation *old, size_t left);
void tell_killed(const struct generation *generation); /* the stop signal did not end it */
void tell_gone(const struct generation *old);
void tell_ending(void);

/* A report with everything that is not known set to "none". */
struct report new_report(enum report_kind kind);

/* Whether the service has ever been ready, and the last outcome: helper/base/carry.h. */
void carry_story(struct carrier *carrier);

#endif

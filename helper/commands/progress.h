/* How a generation drains, for a person who waits: a live line on a terminal, else plain lines. */
#ifndef TFHELPER_PROGRESS_H
#define TFHELPER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct report;

struct progress {
    bool live;
    bool known; /* has anything been noted? */
    bool shown; /* the last that was noted */
    unsigned generation;
    int64_t connections;
    int64_t deadline; /* nanoseconds of CLOCK_MONOTONIC */
};

struct progress begin_progress(void);

/* Take in a REPORT_DRAINING. */
void note_progress(struct progress *progress, const struct report *report);

/* Print what is new, on stderr: stdout is for what was asked for. */
void show_progress(struct progress *progress);

/* Until when to wait for news at most: `end` (0: for ever), or the next second of a live line. */
int64_t next_progress(const struct progress *progress, int64_t end);

/* Leave the terminal's line as it was. */
void end_progress(const struct progress *progress);

#endif

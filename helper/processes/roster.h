/*
 * Who belongs to the session, for the guard: in memory that it shares with the helper, which writes
 * there what its latest look has found. A pid and its start name a process for good.
 */
#ifndef TFHELPER_ROSTER_H
#define TFHELPER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct member;

struct roster_entry {
    pid_t pid;
    uint64_t started;
};

/* Map it, before the first guard is started. Returns 0, or -1 with errno set. */
int open_roster(void);

/*
 * In the helper: these are the members, but for those of the generation `spared` (0: none). Of more
 * than fit, the first are kept, which stand above the others. Nothing is written where there is no
 * roster.
 */
void write_roster(const struct member *member, size_t count, unsigned spared);

/*
 * In a child of the helper, before it executes the server: no look has found it yet. False: its
 * start is not known.
 */
bool enter_roster(void);

/* In the helper: the end of the session is an orderly one, and nobody is to be ended. */
void close_roster(void);
bool is_roster_closed(void);

/* In the guard: entry `k` of it; false when there are no more. */
bool read_roster(size_t k, struct roster_entry *entry);

#endif

/* All that the helper knows of its service, as text, for the program that is executed in its place.
 */
#ifndef TFHELPER_STATE_H
#define TFHELPER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct carrier;

/*
 * A version is another one if its lines are; a helper writes the newest that it knows, and reads
 * those from the oldest on. (The tests build one of the next version.)
 */
#ifndef TFP_STATE_VERSION
#define TFP_STATE_VERSION 1
#define TFP_OLDEST_STATE 1
#endif

enum { STATE_VERSION = TFP_STATE_VERSION, OLDEST_STATE = TFP_OLDEST_STATE };

/* The first lines, which every version has. */
struct state_head {
    int version;
    pid_t pid; /* whose it is, and when that process was started */
    uint64_t started;
    char writer[32]; /* the version of the tfhelper that has written it */
};

/* Carry them, and then the rest: helper/base/carry.h. Descriptors are not touched. */
void carry_head(struct carrier *carrier, struct state_head *head);
void carry_state(struct carrier *carrier);

/*
 * Write it into a file in memory; whatever `carrier` names is to go along with it. The descriptor
 * (close-on-exec), or -1 with errno set.
 */
int write_state(struct carrier *carrier);

/* The text in such a file, for munmap(2) when it has been read; NULL with errno set. */
void *map_state(int file, size_t *size);

#endif

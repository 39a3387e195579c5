/*
 * The helper's state as text, a line NAME=VALUE for each thing, for the program that is executed in
 * its place. One function carries each part, and is called on both sides: it writes what there is,
 * or reads it back. So what is written and what is read cannot drift apart.
 *
 * What is read has to be, to the byte, what would have been written. After the first line that is
 * not, nothing is read any more, and `fault` says why.
 */
#ifndef TFHELPER_CARRY_H
#define TFHELPER_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FAULT_TEXT = 160 };

struct carrier {
    FILE *out;              /* where it is written; NULL: it is read */
    const char *at;         /* what is left to read, */
    const char *end;        /* and where that ends */
    char fault[FAULT_TEXT]; /* empty: there is none */
    int *descriptors;       /* all that are named, so far */
    size_t descriptor_count;
};

/* To write into `out`, which stays the caller's; or to read a text, which has to stay. */
struct carrier carrier_to(FILE *out);
struct carrier carrier_from(const char *text, size_t size);

bool is_reading(const struct carrier *carrier);
bool has_fault(const struct carrier *carrier);

/* What was read makes no sense: the first to say so is believed. */
void refuse_carried(struct carrier *carrier, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reading is over: there must be nothing left. Then forget the list of descriptors. */
void end_carried(struct carrier *carrier);
void free_carrier(struct carrier *carrier);

/* Each writes `value` and returns it, or returns what it has read; `value`, if there is a fault. */
int64_t carry_number(struct carrier *carrier, const char *name, int64_t value, int64_t least,
                     int64_t most);
bool carry_bool(struct carrier *carrier, const char *name, bool value);

/* A time of the monotonic clock, or a duration, in nanoseconds; 0 often stands for none. */
int64_t carry_time(struct carrier *carrier, const char *name, int64_t value);

/* How many of something follow. 0 after a fault, so that nothing is made of it. */
size_t carry_count(struct carrier *carrier, const char *name, size_t count, size_t most);

/*
 * An open descriptor above the standard streams, which no other name has; -1 for none only where
 * that may be. It is not looked at here: where a state is only checked, it is not there.
 */
enum descriptor_need { IS_NEEDED, MAY_BE_NONE };
int carry_descriptor(struct carrier *carrier, const char *name, int fd, enum descriptor_need need);

/* A text of less than `size` bytes, which may hold any but NUL. */
void carry_text(struct carrier *carrier, const char *name, char *text, size_t size);

/* So many bytes, whatever they are: secrets, addresses. */
void carry_bytes(struct carrier *carrier, const char *name, void *bytes, size_t size);

/* Several numbers in a line, where there may be very many such lines. */
struct carried_number {
    int64_t value;
    int64_t least;
    int64_t most;
};
void carry_row(struct carrier *carrier, const char *name, struct carried_number *numbers,
               size_t count);

#endif

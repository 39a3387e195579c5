/* The records of a status, for people and for programs. */
#ifndef TFHELPER_SHOW_H
#define TFHELPER_SHOW_H

#include <stddef.h>

struct report;

/* Each prints the `count` records of one status on stdout; those for the table are plain. */
void show_table(const struct report *records, size_t count);
void show_summary(const struct report *records, size_t count); /* one line, of a summary */
void show_json(const struct report *records, size_t count);
void show_metrics(const struct report *records, size_t count);

/* The next record of this kind from `from` on, or NULL. */
const struct report *next_record(const struct report *records, size_t count,
                                 const struct report *from, int kind);

#endif

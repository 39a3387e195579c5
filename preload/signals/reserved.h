/*
 * The two reserved signals: SIGURG, which carries the helper's orders, and the
 * upgrade signal (SIGHUP, unless the operator has chosen another). The library has
 * the handlers of both, and no thread blocks them. The program believes to have
 * what it asked for: actions.c keeps its handlers, masks.c what it blocks.
 */
#ifndef TFPRELOAD_RESERVED_H
#define TFPRELOAD_RESERVED_H

#include <stdatomic.h>
#include <stdbool.h>

/* They are counted, so that both fit an array, and a bit each. */
enum { ORDER_INDEX, UPGRADE_INDEX, RESERVED };

/* Are our handlers in this process, or were they in one that it was forked from? */
extern atomic_uint signals_are_ours;

/* The number of the signal with this index. */
int reserved_number(int index);

/* The index of a signal, or -1 for one that is none of our business. Both async-signal-safe. */
int reserved_index(int number);

#endif

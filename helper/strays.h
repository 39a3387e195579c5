/* Listeners of processes that our library is not in: nobody hands them over. */
#ifndef TFHELPER_STRAYS_H
#define TFHELPER_STRAYS_H

#include <stdbool.h>
#include <stddef.h>

struct generation;
struct inheritance;

/*
 * Does a process of the generation listen where nothing has been inherited from?
 * Its successor could not bind that address, and lose it when the old one ends.
 * `why` (`size` bytes) gets one line about it.
 */
bool has_stray(const struct generation *generation, struct inheritance *inheritance, char *why,
               size_t size);

/* One line for each process that listens without our library. */
void warn_of_strays(const struct generation *generation);

#endif

/* Listeners of processes that our library is not in: nobody hands them over. */
#ifndef TFHELPER_STRAYS_H
#define TFHELPER_STRAYS_H

#include <stdbool.h>
#include <stddef.h>

struct generation;
struct inheritance;
struct listener_key;

/*
 * Does a process of the generation listen where nothing has been inherited from, and not at what
 * one of ours has bound? Its successor could not bind that address, and lose it when the old one
 * ends. `why` (`size` bytes) gets one line about it, or about what could not be looked at.
 */
bool has_stray(const struct generation *generation, struct inheritance *inheritance, char *why,
               size_t size);

/*
 * A successor binds this address, and has not inherited it: does a process of which the latest
 * has_stray() said nothing listen there? `why` likewise.
 */
bool is_stray_there(const struct listener_key *key, char *why, size_t size);

/* One line for each process that listens without our library. */
void warn_of_strays(const struct generation *generation);

/* One line for each process of the generation that has not loaded it. */
void warn_of_unfit_members(const struct generation *generation);

#endif

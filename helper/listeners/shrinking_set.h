/* A set of SO_REUSEPORT sockets of which one is left over. */
#ifndef TFHELPER_SHRINKING_SET_H
#define TFHELPER_SHRINKING_SET_H

#include <stdbool.h>

struct inherited;
struct inheritance;
struct listener_key;

/* Is this one claimed, and one of the set that the leftover is of? */
bool is_twin(const struct inherited *one, const struct inherited *leftover);

/* First, for each TCP leftover: let it and its twins among `claimed` be no set any more. */
void split_set(struct inherited *leftover, const struct inheritance *claimed);

/*
 * Then let whoever is new come to the twins; what waits at the leftover, or is
 * about to, can be served. False: that cannot be done.
 */
bool leave_set(struct inherited *leftover);

/* Is there a set that has been left, and for this key unless that is NULL? */
bool has_left_sets(const struct listener_key *key);

/* Make the sets whole again, so that one can join: each leftover, then the twins. */
void rejoin_set(struct inherited *leftover);
void rejoin_twins(void);

#endif

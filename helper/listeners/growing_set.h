/* A set of SO_REUSEPORT sockets to which a generation adds some, before it is ready. */
#ifndef TFHELPER_GROWING_SET_H
#define TFHELPER_GROWING_SET_H

#include <stdbool.h>

#include "preload/wire/protocol.h"

struct carrier;
struct inheritance;

/*
 * All that is inherited for this key is claimed, and one more is about to be
 * bound there: let clients go on coming to the inherited ones alone.
 */
void keep_to_inherited(struct inheritance *inheritance, const struct listener_key *key);

/* From now on they come to all of each set: it is ready, or those that it added are gone. */
void open_to_all(struct inheritance *inheritance);

/* The service distributes clients itself: never keep anybody from a set again. */
void leave_sets_alone(void);
bool are_sets_left_alone(void);

/* Whether it does: helper/base/carry.h. */
void carry_growing_sets(struct carrier *carrier);

#endif

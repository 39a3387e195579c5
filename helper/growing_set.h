/* A set of SO_REUSEPORT sockets to which a generation adds some, before it is ready. */
#ifndef TFHELPER_GROWING_SET_H
#define TFHELPER_GROWING_SET_H

#include "../preload/protocol.h"

struct inheritance;

/*
 * All that is inherited for this key is claimed, and one more is about to be
 * bound there: let clients go on coming to the inherited ones alone.
 */
void keep_to_inherited(struct inheritance *inheritance, const struct listener_key *key);

/* From now on they come to all of each set: it is ready, or those that it added are gone. */
void open_to_all(struct inheritance *inheritance);

/* The service distributes clients itself: never touch its sets again. */
void leave_sets_alone(void);

#endif

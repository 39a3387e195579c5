/* Step 4 of an upgrade: the new generation binds what it inherits. */
#ifndef TFHELPER_ADOPT_H
#define TFHELPER_ADOPT_H

#include <stdint.h>

#include "../preload/protocol.h"

struct generation;

/* The inherited listener for this key, which stays ours; -1 if there is none for it. */
int adopt_listener(struct generation *generation, const struct listener_key *key);

/* The listener with this inode, once adopted, listens. */
void listener_listens(struct generation *generation, uint64_t inode);

/* The listener with this inode was adopted by mistake, for a client. */
void listener_given_back(struct generation *generation, uint64_t inode);

/*
 * What the generation holds without having bound it (it came through its
 * starter, as with systemd's LISTEN_FDS) is claimed too, and listens. What it
 * has claimed and closed again is not claimed.
 */
void review_claims(struct generation *generation);

#endif

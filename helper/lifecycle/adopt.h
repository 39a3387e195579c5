/* Step 4 of an upgrade: the new generation binds what it inherits. */
#ifndef TFHELPER_ADOPT_H
#define TFHELPER_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/wire/protocol.h"

struct generation;
struct ucred;

/*
 * The inherited listener for this key, which stays ours; -1 if there is none for it, or none that
 * `asker` could have without us.
 */
int adopt_listener(struct generation *generation, const struct listener_key *key,
                   const struct ucred *asker);

/* The listener with this inode, once adopted, listens. */
void listener_listens(struct generation *generation, uint64_t inode);

/* The listener with this inode was adopted by mistake, for a client. */
void listener_given_back(struct generation *generation, uint64_t inode);

/*
 * What the generation holds without having bound it (it came through its
 * starter, as with systemd's LISTEN_FDS) is claimed too, and listens. What it
 * has claimed and closed again is not claimed. False, with errno set, if that
 * could not be looked at now: then what is not claimed may be held all the same.
 */
bool review_claims(struct generation *generation);

#endif

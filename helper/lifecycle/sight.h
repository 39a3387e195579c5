/* What one generation may see, and remove, of another one's processes. */
#ifndef TFHELPER_SIGHT_H
#define TFHELPER_SIGHT_H

#include <stdbool.h>
#include <sys/types.h>

struct generation;
struct listener_key;

/*
 * Process `peer` of `generation` signals process `target`. False when that belongs to another
 * generation: without us, it would not be there.
 */
bool sees_process(struct generation *generation, pid_t peer, pid_t target);

/*
 * Is it on its way, and does or did another one serve? That one may be gone: clients then wait in
 * the queues of what it has left, and connect() succeeds as if somebody accepted.
 */
bool is_starting_after_another(const struct generation *generation);

/*
 * Does a connection to the address in this key end at what `generation` inherits and has not bound,
 * where it is not to find its predecessor?
 */
bool leads_to_predecessor(struct generation *generation, const struct listener_key *key);

/*
 * Does process `pid`, which a pid file names, belong to the generation that serves, or to one that
 * is to follow it, so that another generation must leave the file alone?
 */
bool is_served_by(const struct generation *generation, pid_t pid);

#endif

/* May a process remove the path of a unix socket? */
#ifndef TFHELPER_UNLINK_H
#define TFHELPER_UNLINK_H

#include <stdbool.h>

struct generation;
struct listener_key;

/*
 * A process of `generation` unlinks the file that `key` identifies. False when
 * another generation serves on it, or is about to.
 */
bool may_unlink(const struct generation *generation, const struct listener_key *key);

#endif

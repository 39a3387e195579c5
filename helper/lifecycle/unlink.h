/* May a process remove the path of a unix socket? */
#ifndef TFHELPER_UNLINK_H
#define TFHELPER_UNLINK_H

#include <stdbool.h>
#include <sys/types.h>

struct generation;
struct listener_key;

/*
 * Process `pid` of `generation` unlinks the file that `key` identifies, under the name that is in
 * there. False when another generation serves on it, or is about to, and clients find it by this
 * name.
 */
bool may_unlink(const struct generation *generation, const struct listener_key *key, pid_t pid);

#endif

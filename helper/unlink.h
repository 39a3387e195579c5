/* May a process remove the path of a unix socket, or a pid file? */
#ifndef TFHELPER_UNLINK_H
#define TFHELPER_UNLINK_H

#include <stdbool.h>
#include <sys/types.h>

struct generation;
struct listener_key;

/*
 * Process `pid` of `generation` unlinks the file that `key` identifies. False when
 * another generation serves on it, or is about to.
 */
bool may_unlink(const struct generation *generation, const struct listener_key *key, pid_t pid);

/* Does process `pid` belong to a generation that is younger than this one? */
bool is_of_successor(const struct generation *generation, pid_t pid);

#endif

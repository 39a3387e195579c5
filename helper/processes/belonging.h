/* To which generation somebody who speaks, or is spoken of, belongs. */
#ifndef TFHELPER_BELONGING_H
#define TFHELPER_BELONGING_H

#include <stdbool.h>
#include <sys/types.h>

#include "helper/kernel/lookup.h"

struct member;

/*
 * The member with this pid, or the nearest one above it, that is there still, or NULL; with a new
 * look where that may tell more, which is not for every stranger who comes.
 */
const struct member *know_member(pid_t pid);

/*
 * May this process speak for that generation? It has to be of the server: below
 * the helper, or below a process that was. Then its generation is that of the
 * next process above it of which that is known, or, where nothing but a guess
 * says so, the one that it says, if it has no other uid than ours.
 */
bool may_belong_to(pid_t pid, unsigned generation);

/*
 * Does this process belong to another generation? Not known of who has ended, or
 * is a stranger: then it does not.
 */
bool is_of_another(pid_t pid, unsigned generation);

/* Is this process one of the server's, as of now? */
enum lookup look_for_member(pid_t pid);
bool is_member(pid_t pid);

#endif

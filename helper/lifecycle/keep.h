/* The helper's own copies of what the current generation listens on, for who may need them. */
#ifndef TFHELPER_KEEP_H
#define TFHELPER_KEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct generation;
struct listener_key;

/* Are there copies at all times, and not just while an older generation lives: TFPRELOAD_RESTART?
 */
bool keeps_listeners(void);

/*
 * The upgrade to this generation, which is the current one, is over: ask it for copies of what it
 * has bound since, and let go of what it has closed. Makes the next timer an earlier one.
 */
void keep_listeners(struct generation *generation);

/* It begins to listen: ask for copies soon. */
void listeners_changed(struct generation *generation);

/* May `generation` send listeners that are not for a successor? */
bool wants_copies(const struct generation *generation);

/* `generation` has sent the listener with this inode, which is in its own inheritance now. */
void note_copy(struct generation *generation, uint64_t inode);

/* A process has sent all that it has. */
void process_copied(struct generation *generation, pid_t pid, int error);

/* It is about to bind there: a copy of what it has closed would be in the way. */
void make_way(struct generation *generation, const struct listener_key *key);

/* Close the copies of listeners that the generation has closed on purpose. */
void let_go_of_abandoned(struct generation *generation);

#endif

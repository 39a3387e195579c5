/* The server upgrades itself: it executes a process that takes its place, and then ends. */
#ifndef TFHELPER_OWN_UPGRADE_H
#define TFHELPER_OWN_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct generation;

/* A process of the generation has said that it waits for clients, at the listener with this inode.
 */
void note_who_waits(struct generation *generation, pid_t pid, uint64_t listener);

/*
 * The first process has ended. If another one serves on in its place, that one is the first process
 * from now on, and the answer is true.
 */
bool has_replaced_itself(struct generation *generation);

/* A process that is not the first one has ended. Of a daemon it may have been the main one: say so.
 */
void say_if_replaced(pid_t pid);

#endif

/*
 * Listeners that the helper was given by a service manager (LISTEN_FDS). A
 * server that knows of them finds them where they are; one that has never heard
 * of it adopts them in bind(), as if from a generation before the first.
 */
#ifndef TFHELPER_ACTIVATION_H
#define TFHELPER_ACTIVATION_H

#include <stdbool.h>
#include <stdint.h>

struct carrier;
struct inheritance;

/*
 * Is this socket one of them? Every generation holds it from its start, by the
 * descriptor that we were given, so that says nothing of who has claimed it.
 */
bool is_activated(uint64_t inode);

/* Put what LISTEN_FDS names into the inheritance of the first generation. */
void inherit_activated(struct inheritance *inheritance);

/*
 * Visit the datagram sockets that we were given, with LISTEN_FDS or without. Every generation has
 * them from its start: it needs bind none of them, and whoever receives on one waits for clients.
 */
void for_each_given_datagram(void (*visit)(uint64_t inode, void *argument), void *argument);

/* How many there are: helper/base/carry.h. */
void carry_activation(struct carrier *carrier);

#endif

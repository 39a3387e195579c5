/* Threads that wait for clients in a call that no wrapper sees, or saw too early. */
#ifndef TFHELPER_RECEIVERS_H
#define TFHELPER_RECEIVERS_H

#include <stdbool.h>
#include <stdint.h>

struct generation;

/* Is this one of the sockets that the generation serves on, as it has told, or was activated with?
 */
bool has_bound(const struct generation *generation, uint64_t inode);

/* Does a thread of this generation sit in a call that ends when a client comes to one of them? */
bool has_receiver(const struct generation *generation);

#endif

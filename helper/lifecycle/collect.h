/* Step 2 of an upgrade: the processes of the old generation hand over their listeners. */
#ifndef TFHELPER_COLLECT_H
#define TFHELPER_COLLECT_H

#include <stdbool.h>
#include <sys/types.h>

struct generation;
struct inheritance;
struct listener_key;
struct message;

/* Begin to collect for `new`, which is COLLECTING, from the current generation. */
void begin_collecting(struct generation *new);

/* COLLECTING, ANSWERED: the listeners are here. */
void collected(struct generation *new);

/* COLLECTING, TIMER: who still owes an answer? */
void collect_again(struct generation *new);

/* A process of `old` sent a listener, whose descriptor is ours now; or was that the last one. */
void listener_collected(struct generation *old, pid_t pid, const struct message *message,
                        int descriptor);
void process_collected(struct generation *old, pid_t pid, int error);

/* Where these listeners are bound, connections have come in that the generation will have to
 * finish. */
void note_endpoints(struct generation *generation, const struct inheritance *inheritance);

/* Has this generation handed over a listener where the socket of this key is bound? */
bool has_handed_over(const struct generation *old, const struct listener_key *key);

#endif

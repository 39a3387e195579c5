/* What a process asks the helper about the other generations, before it serves beside them. */
#ifndef TFPRELOAD_GENERATIONS_H
#define TFPRELOAD_GENERATIONS_H

#include <stdbool.h>

/*
 * Ask the helper about the bound socket `fd`, on which this process is about to
 * serve. Where a successor serves there: a socket that no client ever
 * reaches, with the flags of `fd`, close-on-exec, which the caller owns and puts
 * in its place. Else -1. Changes errno; not in a signal handler.
 */
int ask_for_deaf_socket(int fd);

/*
 * Does the generation of this process serve on the datagram socket `fd`, which
 * the process has not bound itself? Changes errno; not in a signal handler.
 */
bool is_known_to_serve(int fd);

/*
 * Wait while the generation before this one gives up its sockets, but for a
 * second at most. Returns false when its time has not come yet, since this
 * generation is not ready: then ask again at the next wait. Changes errno; not
 * in a signal handler.
 */
bool outlast_predecessor(void);

/* Has the generation before this one retired? Changes errno; not in a signal handler. */
bool serves_alone(void);

#endif

/* Processes of a retired generation that come to a listener after its other processes gave theirs
 * up. */
#ifndef TFPRELOAD_LATECOMERS_H
#define TFPRELOAD_LATECOMERS_H

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

#endif

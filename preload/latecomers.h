/* Processes of a retired generation that come to a listener after its other processes gave theirs
 * up. */
#ifndef TFPRELOAD_LATECOMERS_H
#define TFPRELOAD_LATECOMERS_H

/*
 * Ask the helper about the bound socket `fd`, on which this process is about to
 * accept. Where a successor serves there: a listener that no client ever
 * reaches, with the flags of `fd`, close-on-exec, which the caller owns and puts
 * in its place. Else -1. Changes errno; not in a signal handler.
 */
int ask_for_deaf_listener(int fd);

#endif

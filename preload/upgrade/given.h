/* Sockets on which this process serves and which another one has bound. */
#ifndef TFPRELOAD_GIVEN_H
#define TFPRELOAD_GIVEN_H

#include <stdbool.h>

/*
 * Look for them and take a note of each: of datagram sockets alone, or of
 * listeners, too. Returns whether there is any. Changes errno; not in a signal
 * handler.
 */
bool take_given_sockets(bool listeners_too);

#endif

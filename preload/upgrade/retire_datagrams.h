/* Step 6 of an upgrade for datagram sockets: bound, never listening, and shared all the same. */
#ifndef TFPRELOAD_RETIRE_DATAGRAMS_H
#define TFPRELOAD_RETIRE_DATAGRAMS_H

#include <stdbool.h>

struct found_socket;
struct scan;

/*
 * Put in the place of a datagram socket one that is bound to the same address, so
 * that late answers leave from there, and that receives nothing. Where such a one
 * cannot be had, it is unbound. Returns 0, or -1 with errno set. Async-signal-safe.
 */
int retire_datagram_socket(const struct scan *scan, const struct found_socket *socket,
                           bool nonblocking);

/*
 * May poll() have told a thread of a datagram that is still queued here? Then the
 * socket must not be retired yet. Async-signal-safe.
 */
bool has_promised_datagram(int fd);

#endif

/* shutdown() of what another generation serves on. */
#ifndef TFPRELOAD_SHUT_LISTENER_H
#define TFPRELOAD_SHUT_LISTENER_H

/*
 * shutdown() where a socket may be shared with another generation: then this
 * process shuts down one of its own, which it has from now on. Returns and sets
 * errno as shutdown(2) does. Async-signal-safe, as that is.
 */
int shut_own_listener(int fd, int how);

#endif

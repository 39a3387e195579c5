/* The socket options that an adopted listener takes over from the socket it replaces. */
#ifndef TFPRELOAD_SOCKET_OPTIONS_H
#define TFPRELOAD_SOCKET_OPTIONS_H

/*
 * Make the options of socket `to` those of socket `from`: the ones that differ
 * are set. Options that the family does not know, or that need a privilege, are
 * left as they are. Changes errno; may be called from a signal handler.
 */
void copy_socket_options(int from, int to);

#endif

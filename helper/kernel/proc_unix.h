/* /proc/net/unix, where sock_diag(7) may not be asked: AF_NETLINK is denied to some services. */
#ifndef TFHELPER_PROC_UNIX_H
#define TFHELPER_PROC_UNIX_H

#include <stdbool.h>
#include <stdio.h>

struct unix_socket;

/*
 * As for_each_unix_socket(), with less to tell: no queue, and as the file of a socket, the one that
 * its path leads to now. A socket about which somebody forges lines is `doubtful`. Returns 0, or -1
 * with errno set.
 */
int for_each_listed_unix_socket(bool (*visit)(const struct unix_socket *socket, void *argument),
                                void *argument);

/* The same of a list that has been opened. */
int visit_listed_unix_sockets(FILE *file,
                              bool (*visit)(const struct unix_socket *socket, void *argument),
                              void *argument);

#endif

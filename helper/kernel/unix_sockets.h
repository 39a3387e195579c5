/* The unix sockets of this network namespace, as the kernel lists them. */
#ifndef TFHELPER_UNIX_SOCKETS_H
#define TFHELPER_UNIX_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lookup.h"
#include "unix_socket.h"

/*
 * Call visit() for each unix socket, until it returns false. Returns 0, or -1
 * with errno set when the kernel does not list them (CONFIG_UNIX_DIAG).
 */
int for_each_unix_socket(bool (*visit)(const struct unix_socket *socket, void *argument),
                         void *argument);

/*
 * Find the socket with this inode, or the one bound to this file, as stat(2)
 * shows it to process `pid`.
 */
enum lookup find_unix_socket(uint64_t inode, struct unix_socket *found);
enum lookup find_unix_socket_of_file(uint64_t device, uint64_t file, pid_t pid,
                                     struct unix_socket *found);

#endif

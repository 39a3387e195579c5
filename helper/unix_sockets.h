/* The unix sockets of this network namespace, as the kernel lists them. */
#ifndef TFHELPER_UNIX_SOCKETS_H
#define TFHELPER_UNIX_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { UNIX_NAME_SIZE = 108 };

struct unix_socket {
    uint32_t inode;
    int type; /* SOCK_STREAM and so on */
    bool listens;
    bool has_file;
    uint64_t device; /* of the file that it is bound to: not always stat(2)'s, see socket_file.c */
    uint64_t file;
    uint32_t queue; /* of a listener: its length and its limit */
    uint32_t backlog;
    size_t name_length;
    char name[UNIX_NAME_SIZE];
};

/*
 * Call visit() for each unix socket, until it returns false. Returns 0, or -1
 * with errno set when the kernel does not list them (CONFIG_UNIX_DIAG).
 */
int for_each_unix_socket(bool (*visit)(const struct unix_socket *socket, void *argument),
                         void *argument);

/*
 * Find the socket with this inode, or the one bound to this file, as stat(2)
 * shows it to process `pid`. False if there is none.
 */
bool find_unix_socket(uint64_t inode, struct unix_socket *found);
bool find_unix_socket_of_file(uint64_t device, uint64_t file, pid_t pid, struct unix_socket *found);

#endif

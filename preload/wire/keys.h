/* Under which key a successor asks for a listener. */
#ifndef TFPRELOAD_KEYS_H
#define TFPRELOAD_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "protocol.h"

/*
 * The key of socket `fd`: for the address that the program gives to bind(), or
 * with `address` NULL for the one that it is bound to. Returns 0, or -1 with
 * errno set: ENOENT for a path that is no socket, which nobody can inherit.
 * Async-signal-safe.
 */
int listener_key_of(int fd, const struct sockaddr *address, socklen_t length,
                    struct listener_key *key);

/* Does the key leave the port to the kernel? */
bool asks_for_any_port(const struct listener_key *key);

/*
 * A socket in the file system is the same if its file is: the path may be
 * relative, go through symbolic links, or be seen from inside a chroot.
 */
void set_file_identity(struct listener_key *key, uint64_t device, uint64_t inode);

/* Add the name of that file which is in question. One that is too long is left out. */
void add_file_name(struct listener_key *key, const char *name);

struct file_identity {
    uint64_t device;
    uint64_t inode;
    char name[LONGEST_FILE_NAME + 1]; /* empty: it is not known */
};

/* What such a key names. */
struct file_identity identity_of(const struct listener_key *key);

#endif

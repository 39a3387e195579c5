/* What the kernel says of a socket that a process has sent, against what the process says. */
#ifndef TFHELPER_VOUCH_H
#define TFHELPER_VOUCH_H

#include <stdbool.h>
#include <stdint.h>

struct listener_key;

/* Is a socket of this kind one that servers listen or receive on, which we may make as well? */
bool is_service_kind(int family, int type, int protocol);

/*
 * May the socket `fd` with this inode be inherited? Then `key`, which is the
 * sender's, is made right: its word counts for what the kernel cannot tell, the
 * port 0 that it asked for and the file that it was bound to, as far as the
 * kernel does not know better. Nothing may be asked of a wrong key.
 */
bool vouch_for(int fd, uint64_t inode, struct listener_key *key);

#endif

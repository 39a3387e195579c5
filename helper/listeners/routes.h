/* Which socket of a SO_REUSEPORT set a datagram is for, by whom it comes from. */
#ifndef TFHELPER_ROUTES_H
#define TFHELPER_ROUTES_H

#include <stddef.h>
#include <stdint.h>

struct seen_peer;

struct route {
    uint32_t key;   /* of a peer: route_key() */
    uint32_t place; /* in the set: the first socket that has joined is 0 */
};

/* So many routes one set can have. */
enum { MOST_ROUTES = 3000 };

/* What a peer's datagrams have in common; another one's the same once in four thousand million. */
uint32_t route_key(const struct seen_peer *peer);

/*
 * From now on, what these peers send to the set of `fd` goes to their places, and everything else
 * to `otherwise`. They are sorted by key, and no key is there twice. Returns 0, or -1 with errno
 * set: EINVAL for a socket that is of no set, ENOMEM for more routes than this kernel takes.
 */
int attach_routes(int fd, const struct route *routes, size_t count, uint32_t otherwise);

#endif

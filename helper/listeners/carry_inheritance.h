/* The listeners that the helper holds, for the one that is executed in our place. */
#ifndef TFHELPER_CARRY_INHERITANCE_H
#define TFHELPER_CARRY_INHERITANCE_H

#include <stddef.h>

struct carrier;
struct endpoint;
struct inheritance;
struct listener_key;

/* An inheritance, with its descriptors: helper/base/carry.h. */
void carry_inheritance(struct carrier *carrier, struct inheritance *inheritance);

/* What a listener was bound to. */
void carry_key(struct carrier *carrier, struct listener_key *key);

/* A list of endpoints, which is the caller's to free. */
void carry_endpoints(struct carrier *carrier, struct endpoint **list, size_t *count);

#endif

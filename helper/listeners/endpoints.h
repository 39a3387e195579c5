/* Where a listener is bound, and so where its connections come in. */
#ifndef TFHELPER_ENDPOINTS_H
#define TFHELPER_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

struct inherited;
struct listener_key;

/* Where the connections of a listener come in. */
struct endpoint {
    int family;
    uint16_t port;  /* in host byte order */
    char name[108]; /* of a unix socket: sun_path, abstract or not */
};

enum { ADDRESS_TEXT = 160 };

/* "127.0.0.1:8080", "[::]:53", "unix:/run/x": the address that it is bound to. */
const char *address_text(const struct inherited *inherited, char text[ADDRESS_TEXT]);

bool same_endpoint(const struct endpoint *one, const struct endpoint *other);

/* Does a connection to the address in this key come in at this listener? */
bool comes_in_at(const struct inherited *inherited, const struct listener_key *key);

/* Where connections to this listener come in. */
struct endpoint endpoint_of(const struct inherited *inherited);

/* The same for the address in a key, as getsockname(2) gave it. */
struct endpoint endpoint_of_key(const struct listener_key *key);

#endif

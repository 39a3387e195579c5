#include "endpoints.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "inheritance.h"

/* The address that a socket is bound to, whatever its family. */
union bound_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6; /* the port stands where it does in v4 */
    struct sockaddr_un local;
};

static socklen_t bound_address_of(const struct inherited *inherited, union bound_address *bound)
{
    socklen_t length = sizeof *bound;

    memset(bound, 0, sizeof *bound);
    return getsockname(inherited->fd, &bound->any, &length) == -1 ? 0 : length;
}

static void internet_text(const union bound_address *bound, char text[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = bound->any.sa_family == AF_INET6;
    const void *address = &bound->v4.sin_addr;

    if (v6)
        address = &bound->v6.sin6_addr;
    inet_ntop(v6 ? AF_INET6 : AF_INET, address, host, sizeof host);
    snprintf(text, ADDRESS_TEXT, v6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)ntohs(bound->v4.sin_port));
}

const char *address_text(const struct inherited *inherited, char text[ADDRESS_TEXT])
{
    union bound_address bound;
    socklen_t length = bound_address_of(inherited, &bound);
    size_t start = offsetof(struct sockaddr_un, sun_path);

    if (length <= start)
        strcpy(text, "?");
    else if (bound.any.sa_family != AF_UNIX)
        internet_text(&bound, text);
    else if (bound.local.sun_path[0] == '\0')
        snprintf(text, ADDRESS_TEXT, "unix:@%.*s", (int)(length - start - 1),
                 bound.local.sun_path + 1);
    else
        snprintf(text, ADDRESS_TEXT, "unix:%.*s", (int)sizeof bound.local.sun_path,
                 bound.local.sun_path);
    return text;
}

static struct endpoint endpoint_at(const union bound_address *bound)
{
    struct endpoint endpoint = {.family = bound->any.sa_family};

    if (endpoint.family == AF_UNIX)
        memcpy(endpoint.name, bound->local.sun_path, sizeof endpoint.name);
    else
        endpoint.port = ntohs(bound->v6.sin6_port);
    return endpoint;
}

struct endpoint endpoint_of(const struct inherited *inherited)
{
    union bound_address bound;

    bound_address_of(inherited, &bound);
    return endpoint_at(&bound);
}

struct endpoint endpoint_of_key(const struct listener_key *key)
{
    union bound_address bound;

    memcpy(&bound, key->address, sizeof bound);
    return endpoint_at(&bound);
}

bool same_endpoint(const struct endpoint *one, const struct endpoint *other)
{
    return one->family == other->family && one->port == other->port &&
           memcmp(one->name, other->name, sizeof one->name) == 0;
}

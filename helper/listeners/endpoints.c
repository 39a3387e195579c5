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

    if (inherited->path[0])
        snprintf(text, ADDRESS_TEXT, "unix:%.*s", (int)(ADDRESS_TEXT - sizeof "unix:"),
                 inherited->path);
    else if (length <= start)
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

/* The host of an address, as IPv6 has it; who connects to the wildcard means this machine. */
static struct in6_addr host_of(const union bound_address *address, bool connects)
{
    struct in6_addr host = address->v6.sin6_addr;

    if (address->any.sa_family == AF_INET) {
        struct in_addr v4 = address->v4.sin_addr;

        if (connects && v4.s_addr == htonl(INADDR_ANY))
            v4.s_addr = htonl(INADDR_LOOPBACK);
        memset(&host, 0, sizeof host);
        host.s6_addr[10] = host.s6_addr[11] = 0xff;
        memcpy(host.s6_addr + 12, &v4, sizeof v4);
    } else if (connects && IN6_IS_ADDR_UNSPECIFIED(&host)) {
        host = in6addr_loopback;
    }
    return host;
}

static bool takes_host(const struct inherited *inherited, const union bound_address *bound,
                       const struct in6_addr *host)
{
    struct in6_addr own = host_of(bound, false);
    bool v4 = IN6_IS_ADDR_V4MAPPED(host);

    if (bound->any.sa_family == AF_INET && bound->v4.sin_addr.s_addr == htonl(INADDR_ANY))
        return v4;
    if (IN6_IS_ADDR_UNSPECIFIED(&own))
        return !v4 || !inherited->key.v6only;
    return memcmp(&own, host, sizeof own) == 0;
}

bool comes_in_at(const struct inherited *inherited, const struct listener_key *key)
{
    union bound_address bound;
    union bound_address asked;
    struct in6_addr host;

    if (inherited->key.type != key->type)
        return false;
    if (inherited->key.family == AF_UNIX || key->family == AF_UNIX)
        return memcmp(inherited->key.address, key->address, sizeof key->address) == 0;
    memcpy(&asked, key->address, sizeof asked);
    bound_address_of(inherited, &bound);
    host = host_of(&asked, true);
    return bound.v4.sin_port == asked.v4.sin_port && takes_host(inherited, &bound, &host);
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

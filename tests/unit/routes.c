/* Which socket of a set a datagram comes to, by whom it is from: the kernel runs the programs. */
#include "helper/listeners/routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "helper/listeners/peers.h"
#include "unit.h"

enum { PLACES = 3 };

struct set {
    int fd[PLACES];
    struct sockaddr_in6 address; /* of IPv4, with that one's family */
    socklen_t length;
};

static struct set open_set(int family)
{
    struct set set = {.length = sizeof(struct sockaddr_in6)};
    int yes = 1;

    set.address.sin6_family = (sa_family_t)family;
    if (family == AF_INET6)
        set.address.sin6_addr = in6addr_any;
    for (int i = 0; i < PLACES; i++) {
        set.fd[i] = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        REQUIRE(CHECK(setsockopt(set.fd[i], SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0));
        REQUIRE(CHECK(bind(set.fd[i], (struct sockaddr *)&set.address, set.length) == 0));
        REQUIRE(CHECK(getsockname(set.fd[i], (struct sockaddr *)&set.address, &set.length) == 0));
    }
    return set;
}

/* A socket that sends to the set over loopback, and the peer that it is then. */
static int open_client(const struct set *set, int family, struct seen_peer *peer)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = set->address.sin6_port,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = set->address.sin6_port,
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(family, SOCK_DGRAM, 0);
    socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;

    *peer = (struct seen_peer){.socket = 0};
    REQUIRE(CHECK(connect(fd, family == AF_INET ? (void *)&v4 : (void *)&v6, length) == 0));
    if (family == AF_INET) {
        REQUIRE(CHECK(getsockname(fd, (struct sockaddr *)&v4, &length) == 0));
        peer->address[2] = htonl(0xffff);
        peer->address[3] = v4.sin_addr.s_addr;
        peer->port = v4.sin_port;
    } else {
        REQUIRE(CHECK(getsockname(fd, (struct sockaddr *)&v6, &length) == 0));
        memcpy(peer->address, &v6.sin6_addr, sizeof peer->address);
        peer->port = v6.sin6_port;
    }
    return fd;
}

/* Milliseconds that the kernel may take for it: on a busy machine it does so when it comes to it.
 */
enum { PATIENCE = 10000 };

/* The place where what this client sends comes out, or -1. */
static int place_of(const struct set *set, int client)
{
    struct pollfd arrival[PLACES];
    char data[8];

    for (int i = 0; i < PLACES; i++)
        arrival[i] = (struct pollfd){.fd = set->fd[i], .events = POLLIN};
    REQUIRE(CHECK(send(client, "data", 4, 0) == 4));
    REQUIRE(CHECK(poll(arrival, PLACES, PATIENCE) > 0)); /* it has arrived anywhere at all */
    for (int i = 0; i < PLACES; i++)
        if (recv(set->fd[i], data, sizeof data, 0) == 4)
            return i;
    return -1;
}

static int compare(const void *one, const void *other)
{
    const struct route *a = one;
    const struct route *b = other;

    return a->key < b->key ? -1 : a->key > b->key;
}

enum { CLIENTS = 24 };

/* Among `count` routes, all but a few of peers that send nothing. */
static void check_routes(int family, int client_family, size_t count)
{
    static struct route routes[MOST_ROUTES + CLIENTS];
    struct set set = open_set(family);
    struct seen_peer peer;
    int client[CLIENTS];
    size_t used = 0;
    size_t kept = 0;

    for (int i = 0; i < CLIENTS; i++) {
        client[i] = open_client(&set, client_family, &peer);
        if (i % PLACES != 1) /* those are in no route */
            routes[used++] = (struct route){route_key(&peer), (uint32_t)(i % PLACES)};
    }
    while (used < count) {
        peer.port = (uint32_t)(used * 7) & 0xffff;
        peer.address[3] = htonl(0x0a000000 + (uint32_t)used); /* 10.0.0.0/8: none of the clients */
        routes[used] = (struct route){route_key(&peer), used % 2 ? 0 : 2};
        used++;
    }
    qsort(routes, used, sizeof *routes, compare);
    for (size_t i = 0; i < used; i++)
        if (i == 0 || routes[i].key != routes[i - 1].key)
            routes[kept++] = routes[i];
    CHECK_INT(attach_routes(set.fd[0], routes, kept, 1), 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_INT(place_of(&set, client[i]), i % PLACES);
}

TEST("a few peers, IPv4")
{
    check_routes(AF_INET, AF_INET, CLIENTS);
}

TEST("as many as there may be, IPv4")
{
    check_routes(AF_INET, AF_INET, MOST_ROUTES);
}

TEST("a few peers, IPv6")
{
    check_routes(AF_INET6, AF_INET6, CLIENTS);
}

TEST("as many as there may be, IPv6")
{
    check_routes(AF_INET6, AF_INET6, MOST_ROUTES);
}

TEST("IPv4 at a socket of both families")
{
    check_routes(AF_INET6, AF_INET, MOST_ROUTES / 2);
}

TEST("every number of routes about where a row becomes two")
{
    for (size_t count = 60; count < 70; count++)
        check_routes(AF_INET, AF_INET, count);
}

TEST("nobody is anybody's peer")
{
    struct set set = open_set(AF_INET);
    struct seen_peer peer;

    for (uint32_t place = 0; place < PLACES; place++) {
        CHECK_INT(attach_routes(set.fd[0], NULL, 0, place), 0);
        CHECK_INT(place_of(&set, open_client(&set, AF_INET, &peer)), (int)place);
    }
}

TEST("a socket that is of no set")
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    REQUIRE(CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0));
    CHECK_INT(attach_routes(fd, NULL, 0, 0), -1);
    CHECK_INT(errno, EINVAL);
}

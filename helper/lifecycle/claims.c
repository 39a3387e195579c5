/*
 * Whose a datagram peer is. Each generation says in its table whom it has, and nobody else knows:
 * so each claims them, and of several the one keeps a peer that had it first. Whom nobody claims,
 * and the current generation's own, go to the current generation without a route.
 */
#include "claims.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/listeners/peers.h"
#include "helper/listeners/session_ports.h"
#include "helper/settings/settings.h"

/* That a generation has a peer. */
struct claim {
    uint32_t key;
    uint32_t quiet;
    unsigned generation;
};

struct claims {
    struct claim *item;
    size_t count;
    unsigned generation; /* that is being looked through */
    uint32_t socket;
};

static void claim_peer(const struct seen_peer *peer, void *argument)
{
    struct claims *claims = argument;

    if (peer->socket != claims->socket)
        return;
    claims->item = grow(claims->item, claims->count + 1, sizeof *claims->item);
    claims->item[claims->count++] =
        (struct claim){route_key(peer), peer->quiet, claims->generation};
}

/* What the generations say of their peers at this port. The caller frees it. */
static struct claims collect_claims(const struct session_port *port)
{
    struct claims claims = {NULL, 0, 0, 0};

    for (size_t i = 0; i < port->count; i++) {
        const struct generation *generation = find_generation(port->member[i].generation);

        if (!generation || !generation->peers || is_gone(generation->state))
            continue;
        claims.generation = generation->number;
        claims.socket = (uint32_t)port->member[i].inode;
        for_each_peer(generation->peers, settings.udp, claim_peer, &claims);
    }
    return claims;
}

static int by_key(const void *one, const void *other)
{
    const struct claim *a = one;
    const struct claim *b = other;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->generation < b->generation ? -1 : a->generation > b->generation;
}

static int by_quiet(const void *one, const void *other)
{
    const struct claim *a = one;
    const struct claim *b = other;

    return a->quiet < b->quiet ? -1 : a->quiet > b->quiet;
}

static int by_route_key(const void *one, const void *other)
{
    const struct route *a = one;
    const struct route *b = other;

    return a->key < b->key ? -1 : a->key > b->key;
}

/* To whom the datagrams of a peer go at present. */
static unsigned present_owner(const struct session_port *port, uint32_t key)
{
    const struct route sought = {.key = key};
    const struct route *route = NULL;

    if (port->route_count > 0)
        route = bsearch(&sought, port->routes, port->route_count, sizeof sought, by_route_key);
    return route ? port->member[route->place].generation : port->owner;
}

/* Of several generations that have a peer, who had it stays; else it is the current one's. */
static const struct claim *pick(const struct session_port *port, const struct claim *claims,
                                size_t count, unsigned owner)
{
    unsigned present = present_owner(port, claims->key);
    const struct claim *best = &claims[count - 1];

    for (size_t i = 0; i < count; i++)
        if (claims[i].generation == owner)
            best = &claims[i];
    for (size_t i = 0; i < count; i++)
        if (claims[i].generation == present)
            return &claims[i];
    return best;
}

/* Sort the claims, leave one for each peer that is not the owner's, and return how many these are.
 */
static size_t decide(const struct session_port *port, struct claims *claims, unsigned owner)
{
    size_t kept = 0;
    size_t next;

    if (claims->count > 0)
        qsort(claims->item, claims->count, sizeof *claims->item, by_key);
    for (size_t i = 0; i < claims->count; i = next) {
        struct claim picked;

        for (next = i + 1; next < claims->count && claims->item[next].key == claims->item[i].key;)
            next++;
        picked = *pick(port, &claims->item[i], next - i, owner);
        if (picked.generation != owner)
            claims->item[kept++] = picked;
    }
    return kept;
}

/* Those that have been silent for the shortest time. */
static size_t keep_most_recent(struct claim *claims, size_t count, size_t most)
{
    if (count <= most)
        return count;
    qsort(claims, count, sizeof *claims, by_quiet);
    qsort(claims, most, sizeof *claims, by_key);
    return most;
}

static struct route *make_routes(const struct session_port *port, const struct claim *claims,
                                 size_t count)
{
    struct route *routes = allocate(count + 1, sizeof *routes);

    for (size_t i = 0; i < count; i++)
        routes[i] = (struct route){claims[i].key, (uint32_t)place_of(port, claims[i].generation)};
    return routes;
}

static bool are_in_force(const struct session_port *port, const struct route *routes, size_t count,
                         unsigned owner)
{
    return port->routes && port->owner == owner && port->route_count == count &&
           memcmp(port->routes, routes, count * sizeof *routes) == 0;
}

static void say_too_many(size_t peers, size_t most)
{
    static bool said;

    if (!said)
        log_line(LEVEL_INFO,
                 "%zu peers of older generations at one port are too many: the %zu that were heard "
                 "of last stay with these",
                 peers, most);
    said = true;
}

/* As many of them as the kernel has room for in a program: net.core.optmem_max. */
static size_t attach_most(struct session_port *port, struct claim *claims, size_t count,
                          unsigned owner)
{
    for (;;) {
        struct route *routes = make_routes(port, claims, count);
        bool done = are_in_force(port, routes, count, owner);

        if (!done && set_routes(port, routes, count, owner) == 0)
            return count;
        free(routes);
        if (done)
            return count;
        if (errno != ENOMEM || count == 0) {
            log_line(LEVEL_ERROR, "peers of older generations are not theirs any more: %s",
                     strerror(errno));
            return count;
        }
        count = keep_most_recent(claims, count, count / 2);
    }
}

void route_peers(struct session_port *port)
{
    unsigned owner =
        current && place_of(port, current->number) != -1 ? current->number : port->owner;
    struct claims claims = collect_claims(port);
    size_t all = decide(port, &claims, owner);
    size_t count = keep_most_recent(claims.item, all, MOST_ROUTES);

    count = attach_most(port, claims.item, count, owner);
    if (count < all)
        say_too_many(all, count);
    free(claims.item);
}

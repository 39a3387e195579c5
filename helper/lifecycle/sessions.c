/*
 * A session over UDP is known to the server alone: the kernel has no connection that would stay
 * with the old generation. So each generation has a socket of its own on the address, and the
 * kernel sends to it what comes from its peers (helper/listeners/session_ports.c). Everybody else's
 * datagrams are the current one's. The old generation keeps its socket, and with it what is queued
 * there; the new one gets a fresh one, which is empty until it is ready.
 *
 * A peer belongs to the generation that had it first, until nothing has been exchanged with it for
 * a while. One that comes after that is everybody else.
 */
#include "sessions.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "claims.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/listeners/activation.h"
#include "helper/listeners/endpoints.h"
#include "helper/listeners/growing_set.h"
#include "helper/listeners/peers.h"
#include "helper/listeners/session_ports.h"
#include "helper/settings/settings.h"

static const int64_t review_pace = SECOND / 4;

static int64_t reviewed_at;

/*
 * A look at all peers costs the more the more there are, and each process may have one made: a
 * flood of questions gets a fourth of the time, and who asks waits for the next look.
 */
enum { LOOK_PACE = 3 };
static const int64_t longest_rest = SECOND / 4;

static int64_t routed_at;
static int64_t rests_until;

static size_t count_twins(const struct inheritance *inheritance, const struct inherited *item)
{
    size_t count = 0;

    for (size_t i = 0; i < inheritance->count; i++)
        count += memcmp(&inheritance->item[i].key, &item->key, sizeof item->key) == 0;
    return count;
}

static bool is_udp(const struct listener_key *key)
{
    return key->type == SOCK_DGRAM && (key->family == AF_INET || key->family == AF_INET6) &&
           (key->protocol == 0 || key->protocol == IPPROTO_UDP);
}

/* Why its sessions cannot be kept, or NULL. */
static const char *split(struct generation *new, struct inherited *item)
{
    if (current->trace)
        return "the server is traced";
    if (count_twins(&new->inheritance, item) > 1 || are_sets_left_alone())
        return "the server spreads clients over several sockets itself";
    if (!current->peers || is_activated(item->inode))
        return "the server has not bound that port itself";
    if (split_port(item, current->number, new->number))
        return NULL;
    return errno == EINVAL ? "the server has not bound that port itself" : strerror(errno);
}

void split_sessions(struct generation *new)
{
    if (settings.udp == 0 || !current)
        return;
    for (size_t i = 0; i < new->inheritance.count; i++) {
        struct inherited *item = &new->inheritance.item[i];
        char address[ADDRESS_TEXT];
        const char *why = is_udp(&item->key) ? split(new, item) : NULL;

        if (why)
            log_line(LEVEL_INFO, "generation %u: sessions on %s are not kept: %s", new->number,
                     address_text(item, address), why);
    }
    route_sessions();
}

static void route_ports(void)
{
    for (struct session_port *port = session_ports; port; port = port->next)
        route_peers(port);
    reviewed_at = now();
}

/* Its successor serves: of a peer that is new, it has to tell before that is answered. */
static bool has_to_tell(const struct generation *generation)
{
    return generation != current && !is_on_its_way(generation->state);
}

/* Who has got a peer since the first look, and has not been told to tell, is seen by the second. */
void route_sessions(void)
{
    if (!session_ports || are_sets_left_alone())
        return;
    routed_at = now();
    route_ports();
    for (struct generation *g = generations; g; g = g->older)
        if (g->peers)
            ask_to_tell(g->peers, has_to_tell(g));
    route_ports();
}

bool has_to_wait_for_routes(int64_t told)
{
    return now() < rests_until && routed_at < told;
}

void route_new_peer(void)
{
    int64_t begun = now();
    int64_t pause;

    if (begun < rests_until) /* it was found by a look that came after it had told */
        return;
    route_sessions();
    pause = LOOK_PACE * (now() - begun);
    rests_until = now() + (pause < longest_rest ? pause : longest_rest);
}

/* Where it has not claimed its socket, the old one's is left over, and is given up as any. */
void hand_over_sessions(struct generation *new, struct generation *old)
{
    struct port_member *member;

    for (size_t i = 0; i < new->inheritance.count; i++) {
        struct inherited *item = &new->inheritance.item[i];

        if (!find_session_port(item->inode, &member))
            continue;
        if (item->claimed) {
            member->generation = new->number; /* it may have been another's, that has ended */
        } else {
            unsplit(item, old->number);
            member->generation = 0;
        }
    }
    route_sessions();
}

void take_sessions_back(struct generation *old)
{
    for (size_t i = 0; i < old->inheritance.count; i++)
        unsplit(&old->inheritance.item[i], old->number);
    route_sessions();
}

size_t count_sessions(const struct generation *generation)
{
    size_t count = 0;

    if (session_ports && now() - reviewed_at >= review_pace)
        route_sessions();
    for (const struct session_port *port = session_ports; port; port = port->next) {
        int place = place_of(port, generation->number);

        for (size_t i = 0; i < port->route_count; i++)
            count += (int)port->routes[i].place == place;
    }
    return count;
}

bool keeps_sessions_on(const struct generation *generation, uint64_t inode)
{
    struct port_member *member;

    return find_session_port(inode, &member) && member->generation == generation->number;
}

bool keeps_sessions(const struct generation *generation)
{
    for (const struct session_port *port = session_ports; port; port = port->next)
        if (place_of(port, generation->number) != -1)
            return true;
    return false;
}

/* A socket that is held for a generation which is started again lives, too. */
static bool lives(const struct port_member *member)
{
    for (struct generation *g = generations; g; g = g->older)
        if (g->number == member->generation || find_inherited(&g->inheritance, member->inode))
            return true;
    return false;
}

void tidy_sessions(void)
{
    close_dead_members(lives);
    route_sessions();
}

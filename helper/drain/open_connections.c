/*
 * Nobody counts what is accepted, since nothing of the server's passes through us, and its
 * processes are not asked: they have clients to serve. What they hold stands in /proc/PID/fd, and
 * which of that are connections to their ports the kernel lists.
 *
 * It walks through every TCP socket for that, those in TIME_WAIT as well, and for that time has a
 * processor for itself. So who asks again and again gets the same number again: looks take a
 * twentieth of the time at most.
 */
#include "open_connections.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/kernel/internet_sockets.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/unix_sockets.h"
#include "judgement.h"
#include "look.h"

enum { LOOK_PACE = 20 };

/* Unconnected datagram sockets are in the state that TCP calls closed. */
static const uint32_t listening = 1u << TCP_LISTEN;
static const uint32_t unconnected = 1u << TCP_CLOSE;
static const uint32_t connected = 1u << TCP_ESTABLISHED;

struct count {
    struct look look;
    int protocol;
    struct endpoint *endpoint; /* of the protocol and family that is being counted */
    size_t endpoints;
    int64_t connections;
};

static void add_endpoint(struct count *count, const struct endpoint *endpoint)
{
    count->endpoint = grow(count->endpoint, count->endpoints + 1, sizeof *count->endpoint);
    count->endpoint[count->endpoints++] = *endpoint;
}

static bool note_port(const struct inet_diag_msg *socket, void *argument)
{
    struct count *count = argument;
    const struct endpoint endpoint = {.family = socket->idiag_family,
                                      .port = ntohs(socket->id.idiag_sport)};

    if (find_held(&count->look, socket->idiag_inode))
        add_endpoint(count, &endpoint);
    return true;
}

static bool is_at_port(const struct count *count, uint16_t port)
{
    for (size_t i = 0; i < count->endpoints; i++)
        if (count->endpoint[i].port == port)
            return true;
    return false;
}

/* A datagram socket that is connected to itself hears nobody: helper/listeners/leftovers.c. */
static bool count_connection(const struct inet_diag_msg *socket, void *argument)
{
    struct count *count = argument;
    bool to_itself =
        socket->id.idiag_sport == socket->id.idiag_dport &&
        memcmp(socket->id.idiag_src, socket->id.idiag_dst, sizeof socket->id.idiag_src) == 0;

    if (socket->idiag_inode != 0 && !(to_itself && count->protocol == IPPROTO_UDP) &&
        is_at_port(count, ntohs(socket->id.idiag_sport)) &&
        find_held(&count->look, socket->idiag_inode))
        count->connections++;
    return true;
}

/* Those of one family and protocol. With a single port the kernel leaves all others out. */
static bool count_internet(struct count *count, int family, int protocol)
{
    bool tcp = protocol == IPPROTO_TCP;

    count->protocol = protocol;
    count->endpoints = 0;
    if (for_each_internet_socket(family, protocol, tcp ? listening : unconnected, 0, note_port,
                                 count) == -1)
        return false;
    return count->endpoints == 0 ||
           for_each_internet_socket(family, protocol, tcp ? HELD_CONNECTIONS : connected,
                                    count->endpoints == 1 ? count->endpoint[0].port : 0,
                                    count_connection, count) == 0;
}

/* A kernel may list TCP and no UDP (CONFIG_INET_UDP_DIAG): hardly anybody connects such sockets. */
static bool count_datagram_sockets(struct count *count, int family)
{
    return count_internet(count, family, IPPROTO_UDP) || !may_pass(errno);
}

static bool note_name(const struct unix_socket *socket, void *argument)
{
    struct count *count = argument;
    struct endpoint endpoint = {.family = AF_UNIX};

    if (!socket->listens || socket->name_length == 0 || !find_held(&count->look, socket->inode))
        return true;
    memcpy(endpoint.name, socket->name, socket->name_length);
    add_endpoint(count, &endpoint);
    return true;
}

static bool count_unix_connection(const struct unix_socket *socket, void *argument)
{
    struct count *count = argument;

    if (socket->listens || socket->name_length == 0 || !find_held(&count->look, socket->inode))
        return true;
    for (size_t i = 0; i < count->endpoints; i++)
        if (came_in_at(socket, &count->endpoint[i])) {
            count->connections++;
            break;
        }
    return true;
}

static bool count_unix(struct count *count)
{
    count->endpoints = 0;
    return for_each_unix_socket(note_name, count) == 0 &&
           (count->endpoints == 0 || for_each_unix_socket(count_unix_connection, count) == 0);
}

static int64_t look_and_count(struct generation *generation)
{
    struct count count = {.look = look_into_processes(generation)};
    bool seen = count.look.error == 0 && count.look.blind_count == 0 &&
                count_internet(&count, AF_INET, IPPROTO_TCP) &&
                count_internet(&count, AF_INET6, IPPROTO_TCP) &&
                count_datagram_sockets(&count, AF_INET) &&
                count_datagram_sockets(&count, AF_INET6) && count_unix(&count);

    end_look(&count.look);
    free(count.endpoint);
    return seen ? count.connections : -1;
}

int64_t count_open_connections(struct generation *generation)
{
    static struct {
        unsigned generation;
        int64_t connections;
        int64_t next_look;
    } last;
    int64_t begun = now();

    if (last.generation == generation->number && begun < last.next_look)
        return last.connections;
    last.generation = generation->number;
    last.connections = look_and_count(generation);
    last.next_look = now() + LOOK_PACE * (now() - begun);
    return last.connections;
}

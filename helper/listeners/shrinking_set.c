/*
 * The kernel picks from a SO_REUSEPORT set without a look at what a socket's
 * filter or interface says: a SYN that meets a leftover that lets nobody in is
 * lost, and its client waits for a second.
 *
 * But it picks from a set only when the first socket that it finds has
 * SO_REUSEPORT. So for the tenth of a second that handshakes need, all that are
 * bound there are without it, and then a leftover, on an interface that does not
 * exist, is not found: inet_lhash2_lookup() in net/ipv4/inet_hashtables.c. (One
 * of its twins gets every client meanwhile, and nobody can bind another one.)
 *
 * A datagram socket that is connected is passed over in a set, and what is in
 * its queue stays there: reuseport_select_sock_by_hash(). But it gets an address,
 * if it was bound to any, and would answer from that one.
 */
#include "shrinking_set.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/memory.h"
#include "inheritance.h"
#include "preload/wire/protocol.h"
#include "replacements.h"

/* The twins that are without SO_REUSEPORT. */
struct separate {
    int fd; /* a copy: the inheritance may end before */
    struct listener_key key;
};

static struct separate *separate;
static size_t count;

bool is_twin(const struct inherited *one, const struct inherited *leftover)
{
    return one->claimed && memcmp(&one->key, &leftover->key, sizeof one->key) == 0;
}

static void set_reuseport(int fd, int value)
{
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

static bool shares_port(int fd)
{
    int value = 0;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, &length) == 0 && value;
}

static void separate_twin(const struct inherited *twin)
{
    int copy = shares_port(twin->fd) ? fcntl(twin->fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (copy == -1)
        return;
    separate = grow(separate, count + 1, sizeof *separate);
    separate[count++] = (struct separate){copy, twin->key};
    set_reuseport(copy, 0);
}

static bool is_any(const struct sockaddr_in6 *address)
{
    struct sockaddr_in v4;

    memcpy(&v4, address, sizeof v4);
    return v4.sin_family == AF_INET ? v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                    : IN6_IS_ADDR_UNSPECIFIED(&address->sin6_addr);
}

/* It hears itself alone. The answers that it owes leave as before: sendto() goes anywhere. */
static bool connect_to_itself(int fd)
{
    struct sockaddr_in6 address = {0};
    socklen_t length = sizeof address;

    return getsockname(fd, (struct sockaddr *)&address, &length) == 0 && !is_any(&address) &&
           connect(fd, (struct sockaddr *)&address, length) == 0;
}

void split_set(struct inherited *leftover, const struct inheritance *claimed)
{
    if (leftover->key.protocol != IPPROTO_TCP)
        return;
    for (size_t i = 0; i < claimed->count; i++)
        if (is_twin(&claimed->item[i], leftover))
            separate_twin(&claimed->item[i]);
    set_reuseport(leftover->fd, 0);
    leftover->split = true;
}

bool leave_set(struct inherited *leftover)
{
    if (leftover->key.type == SOCK_DGRAM)
        return connect_to_itself(leftover->fd);
    if (!leftover->split)
        return false;
    if (bind_to_no_interface(leftover->fd) == 0)
        return true;
    rejoin_set(leftover);
    rejoin_twins();
    return false;
}

void rejoin_set(struct inherited *leftover)
{
    if (!leftover->split)
        return;
    leftover->split = false;
    /* this needs CAP_NET_RAW; without it, clients wait who meet the leftover until it is closed */
    setsockopt(leftover->fd, SOL_SOCKET, SO_BINDTODEVICE, leftover->key.device,
               sizeof leftover->key.device);
    set_reuseport(leftover->fd, 1);
}

bool has_left_sets(const struct listener_key *key)
{
    for (size_t i = 0; i < count; i++)
        if (!key || memcmp(&separate[i].key, key, sizeof *key) == 0)
            return true;
    return false;
}

void rejoin_twins(void)
{
    for (size_t i = 0; i < count; i++) {
        set_reuseport(separate[i].fd, 1);
        close(separate[i].fd);
    }
    count = 0;
}

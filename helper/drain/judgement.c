#include "judgement.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/internet_sockets.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/unix_sockets.h"
#include "look.h"

/* unix(7): an accepted socket has the name of its listener. */
bool came_in_at(const struct unix_socket *socket, const struct endpoint *endpoint)
{
    char name[sizeof endpoint->name] = {0};

    memcpy(name, socket->name, socket->name_length);
    return !socket->listens && memcmp(name, endpoint->name, sizeof name) == 0;
}

static struct known_socket described(const struct inet_diag_msg *entry)
{
    return (struct known_socket){.inode = entry->idiag_inode,
                                 .kind = CONNECTION,
                                 .family = entry->idiag_family,
                                 .id = entry->id};
}

/* The sockets that nobody can be asked about, and what the kernel's lists say of them. */
struct judgement {
    struct generation *generation;
    const unsigned long long *inode; /* NULL: every one is taken for the generation's own */
    size_t count;
    const struct endpoint *endpoint;
};

static int compare_inodes(const void *one, const void *other)
{
    unsigned long long a = *(const unsigned long long *)one;
    unsigned long long b = *(const unsigned long long *)other;

    return a < b ? -1 : a > b;
}

static bool is_judged(const struct judgement *judgement, unsigned long long inode)
{
    return !judgement->inode ||
           bsearch(&inode, judgement->inode, judgement->count, sizeof inode, compare_inodes);
}

static bool judge_tcp_connection(const struct inet_diag_msg *entry, void *argument)
{
    const struct judgement *judgement = argument;

    /* inode 0: held by nobody */
    if (entry->idiag_inode != 0 && is_judged(judgement, entry->idiag_inode))
        add_known(&judgement->generation->drainage.sockets, described(entry));
    return true;
}

/* A unix socket is counted as such, and so no connection of those that are known by inode. */
static bool judge_unix_socket(const struct unix_socket *socket, void *argument)
{
    const struct judgement *judgement = argument;

    if (judgement->inode ? is_judged(judgement, socket->inode)
                         : judgement->endpoint && came_in_at(socket, judgement->endpoint))
        add_known(&judgement->generation->drainage.sockets,
                  (struct known_socket){.inode = socket->inode, .kind = NO_CONNECTION});
    return true;
}

/* Returns false if another try may tell more. */
static bool judge_tcp_connections(const struct look *look, struct judgement *judgement)
{
    const struct generation *generation = look->generation;
    bool judged = true;

    for (size_t i = 0; i < generation->endpoint_count; i++) {
        const struct endpoint *endpoint = &generation->endpoints[i];

        if (endpoint->family == AF_UNIX ||
            for_each_internet_socket(endpoint->family, IPPROTO_TCP, HELD_CONNECTIONS,
                                     endpoint->port, judge_tcp_connection, judgement) == 0)
            continue;
        judged &= !may_pass(errno);
        log_line(LEVEL_DEBUG, "connections: no sock_diag: %s", strerror(errno));
    }
    return judged;
}

bool judge_from_outside(struct look *look, const unsigned long long *inode, size_t count)
{
    struct known_sockets *sockets = &look->generation->drainage.sockets;
    struct judgement judgement = {look->generation, inode, count, NULL};
    size_t left = 0;

    if (for_each_unix_socket(judge_unix_socket, &judgement) == -1 && may_pass(errno))
        return false;
    tidy_known(sockets);
    for (size_t i = 0; i < count; i++)
        left += !is_decided(sockets, inode[i]);
    if (left == 0)
        return true;
    log_line(LEVEL_DEBUG, "generation %u: nobody says what %zu of its sockets are",
             look->generation->number, left);
    if (!judge_tcp_connections(look, &judgement))
        return false;
    tidy_known(sockets);
    for (size_t i = 0; i < count; i++)
        if (!find_known(sockets, inode[i]) || !is_decided(sockets, inode[i]))
            add_known(sockets, (struct known_socket){.inode = inode[i], .kind = NO_CONNECTION});
    return true;
}

bool take_all(struct look *look)
{
    struct generation *generation = look->generation;
    struct judgement judgement = {.generation = generation};

    if (generation->drainage.all_taken)
        return true;
    generation->drainage.all_taken = judge_tcp_connections(look, &judgement);
    for (size_t i = 0; i < generation->endpoint_count; i++) {
        judgement.endpoint = &generation->endpoints[i];
        if (judgement.endpoint->family == AF_UNIX &&
            for_each_unix_socket(judge_unix_socket, &judgement) == -1)
            generation->drainage.all_taken &= !may_pass(errno);
    }
    return generation->drainage.all_taken;
}

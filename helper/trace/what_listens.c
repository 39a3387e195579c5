/*
 * The address that a program has asked for is the one that its socket is bound to, but for a port
 * that was left to the kernel: that cannot be told any more. A datagram socket in the range of such
 * ports is most likely one for a question of its own, and not one that clients come to.
 */
#include "what_listens.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "borrow.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/vouch.h"
#include "helper/processes/held_listeners.h"
#include "helper/processes/open_sockets.h"
#include "preload/kernel/sockets.h"
#include "preload/wire/keys.h"
#include "trace.h"

/* ip(7): net.ipv4.ip_local_port_range, which is that of IPv6 as well. */
static bool is_for_anybody(unsigned port)
{
    unsigned from = 32768;
    unsigned to = 60999;
    FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

    if (range) {
        if (fscanf(range, "%u %u", &from, &to) != 2)
            from = to = 0;
        fclose(range);
    }
    return port >= from && port <= to;
}

/* unix(7): five digits behind a NUL are a name that the kernel has chosen. */
static bool has_chosen_name(const struct listener_key *key)
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);

    return key->address_length > start &&
           (key->address[start] != '\0' || key->address_length != start + 1 + 5);
}

static bool serves_datagrams(int fd, const struct listener_key *key)
{
    struct sockaddr_in address; /* the port stands at the same place in both families */

    if (!is_bound(fd) || is_connected(fd))
        return false;
    if (key->family == AF_UNIX)
        return has_chosen_name(key);
    memcpy(&address, key->address, sizeof address);
    return address.sin_port != 0 && !is_for_anybody(ntohs(address.sin_port));
}

static bool serves(int fd, const struct listener_key *key)
{
    if (!is_service_kind(key->family, key->type, key->protocol))
        return false;
    return is_listener(fd) || (key->type == SOCK_DGRAM && serves_datagrams(fd, key));
}

/* Those of which the kernel's lists say that they may serve. */
struct candidates {
    bool listed;
    uint64_t *inode;
    size_t count;
};

static void add_candidate(const struct listener *listener, void *argument)
{
    struct candidates *candidates = argument;

    candidates->inode = grow(candidates->inode, candidates->count + 1, sizeof *candidates->inode);
    candidates->inode[candidates->count++] = listener->inode;
}

static bool is_candidate(const struct candidates *candidates, uint64_t inode)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->inode[i] == inode)
            return true;
    return false;
}

/* Where each costs the program a stop of a thread, only those are asked. */
static int borrow_candidate(const struct trace *trace, struct candidates *candidates,
                            const struct open_socket *socket)
{
    int fd = borrow_descriptor(socket->pid, socket->fd);

    if (fd != -1 || !is_borrowing_denied(errno))
        return fd;
    if (!candidates->listed)
        for_each_listener(trace->generation->number, add_candidate, candidates);
    candidates->listed = true;
    if (is_candidate(candidates, socket->inode))
        return borrow_needed(socket->pid, socket->fd);
    errno = EBADF;
    return -1;
}

/* Returns 0 or an errno. */
static int note_if_it_serves(struct trace *trace, struct candidates *candidates,
                             const struct open_socket *socket)
{
    int fd = borrow_candidate(trace, candidates, socket);
    struct listener_key key;

    if (fd == -1)
        return errno == EBADF || errno == ESRCH || errno == ETIMEDOUT ? 0 : errno;
    if (socket_inode(fd) == socket->inode && !find_bound(trace, socket->inode) &&
        listener_key_of(fd, NULL, 0, &key) == 0 && serves(fd, &key))
        note_bound(trace, socket->inode, &key)->listens = true;
    close(fd);
    return 0;
}

/* The kernel counts: who was opened first, and so most likely bound, comes first. */
static int compare(const void *one, const void *other)
{
    const struct open_socket *a = one;
    const struct open_socket *b = other;

    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

int note_what_listens(struct trace *trace, pid_t *denied)
{
    struct open_socket *sockets = NULL;
    struct candidates candidates = {.listed = false};
    size_t count = 0;
    int error = 0;

    if (list_sockets_of(trace->generation->number, &sockets, &count) != IS_THERE) {
        error = errno;
        *denied = trace->generation->first;
    }
    if (count > 0)
        qsort(sockets, count, sizeof *sockets, compare);
    for (size_t i = 0; i < count && !error; i++) {
        if (i > 0 && sockets[i].inode == sockets[i - 1].inode)
            continue;
        error = note_if_it_serves(trace, &candidates, &sockets[i]);
        if (error)
            *denied = sockets[i].pid;
    }
    free(candidates.inode);
    free(sockets);
    return error;
}

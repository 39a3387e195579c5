/*
 * Sockets of a SO_REUSEPORT set have places in it, in the order in which they have joined, and a
 * program on the set names one of them for each datagram. When one is closed, the last gets its
 * place, and there is no moment for a new program. So of those that are not needed any more nothing
 * is closed while two are; then, the one that is left is taken out of the set first, and the others
 * are made such that no look-up finds them: on an interface that does not exist.
 *
 * A program can only be put on a socket that was of a set when it was bound: the library sees to it
 * (preload/upgrade/beside.c). It is there before the second one joins, or that would get half of
 * all datagrams for a moment.
 */
#include "session_ports.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/memory.h"
#include "inheritance.h"
#include "preload/wire/socket_options.h"
#include "replacements.h"

struct session_port *session_ports;

static int int_option(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;

    return getsockopt(fd, level, name, &value, &length) == -1 ? 0 : value;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

struct session_port *find_session_port(uint64_t inode, struct port_member **member)
{
    for (struct session_port *port = session_ports; port; port = port->next)
        for (size_t i = 0; i < port->count; i++)
            if (port->member[i].inode == inode) {
                if (member)
                    *member = &port->member[i];
                return port;
            }
    return NULL;
}

int place_of(const struct session_port *port, unsigned generation)
{
    for (size_t i = port->count; i-- > 0;)
        if (port->member[i].generation == generation)
            return (int)i;
    return -1;
}

/* The kernel has only those in one set whose sockets are one user's: it was he who made them. */
static bool give_to_maker(int fd, int of)
{
    struct stat made;
    struct stat ours;

    return fstat(of, &made) == 0 && fstat(fd, &ours) == 0 &&
           (made.st_uid == ours.st_uid || fchown(fd, made.st_uid, (gid_t)-1) == 0);
}

/* In the same place, on the same device: what else it is, its program says when it binds. */
static bool bind_beside(int fd, int other)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;

    copy_socket_options(other, fd); /* SO_REUSEPORT is one of them */
    return getsockname(other, (struct sockaddr *)&address, &length) == 0 &&
           (address.ss_family != AF_INET6 ||
            set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY,
                       int_option(other, IPPROTO_IPV6, IPV6_V6ONLY)) == 0) &&
           set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX,
                      int_option(other, SOL_SOCKET, SO_BINDTOIFINDEX)) == 0 &&
           give_to_maker(fd, other) && bind(fd, (struct sockaddr *)&address, length) == 0;
}

/* It joins the set with its bind(); until then nothing has changed but an option of the other. */
static int open_beside(int other, const struct listener_key *key)
{
    int fd = socket(key->family, SOCK_DGRAM | SOCK_CLOEXEC, key->protocol);
    int shares = int_option(other, SOL_SOCKET, SO_REUSEPORT);
    int error;

    if (fd == -1 || set_option(other, SOL_SOCKET, SO_REUSEPORT, 1) == -1 ||
        !bind_beside(fd, other)) {
        error = errno;
        set_option(other, SOL_SOCKET, SO_REUSEPORT, shares);
        if (fd != -1)
            close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void join(struct session_port *port, int fd, unsigned generation)
{
    struct stat status = {.st_ino = 0};

    fstat(fd, &status);
    port->member = grow(port->member, port->count + 1, sizeof *port->member);
    port->member[port->count++] = (struct port_member){fd, status.st_ino, generation};
}

static struct session_port *open_port(int fd, unsigned generation, bool shares_port)
{
    struct session_port *port = allocate(1, sizeof *port);

    port->shares_port = shares_port;
    port->owner = generation;
    join(port, fd, generation);
    port->next = session_ports;
    session_ports = port;
    return port;
}

/* As long as the port has several: what its options are restored to takes it out of no set. */
static void remember_in_set(const struct inherited *item)
{
    if (item->options != -1)
        set_option(item->options, SOL_SOCKET, SO_REUSEPORT, 1);
}

bool split_port(struct inherited *item, unsigned old, unsigned new)
{
    struct session_port *port = find_session_port(item->inode, NULL);
    bool shares_port = int_option(item->fd, SOL_SOCKET, SO_REUSEPORT) != 0;
    int beside = -1;
    int copy = -1;

    /* a set of its own has one place as yet */
    if (port || attach_routes(item->fd, NULL, 0, 0) == 0)
        beside = open_beside(item->fd, &item->key);
    if (beside != -1)
        copy = fcntl(beside, F_DUPFD_CLOEXEC, 0);
    if (copy == -1) {
        if (beside != -1)
            close(beside);
        return false;
    }
    if (port)
        close(item->fd);
    else
        port = open_port(item->fd, old, shares_port);
    join(port, beside, new);
    item->fd = copy;
    item->inode = port->member[port->count - 1].inode;
    remember_in_set(item);
    return true;
}

int set_routes(struct session_port *port, struct route *routes, size_t count, unsigned owner)
{
    int place = place_of(port, owner);

    if (attach_routes(port->member[0].fd, routes, count, place == -1 ? 0 : (uint32_t)place) == -1)
        return -1;
    free(port->routes);
    port->routes = routes;
    port->route_count = count;
    port->owner = owner;
    return 0;
}

void unsplit(struct inherited *item, unsigned generation)
{
    const struct session_port *port = find_session_port(item->inode, NULL);
    int place = port ? place_of(port, generation) : -1;
    int copy = place == -1 ? -1 : fcntl(port->member[place].fd, F_DUPFD_CLOEXEC, 0);

    if (copy == -1)
        return;
    close(item->fd);
    item->fd = copy;
    item->inode = port->member[place].inode;
    remember_in_set(item);
}

static void close_port(struct session_port *port, size_t survivor)
{
    for (size_t i = 0; i < port->count; i++)
        if (i != survivor)
            bind_to_no_interface(port->member[i].fd);
    if (survivor < port->count)
        set_option(port->member[survivor].fd, SOL_SOCKET, SO_REUSEPORT, port->shares_port);
    for (size_t i = 0; i < port->count; i++)
        close(port->member[i].fd);
    free(port->member);
    free(port->routes);
    free(port);
}

void close_dead_members(bool (*lives)(const struct port_member *member))
{
    for (struct session_port **at = &session_ports; *at;) {
        struct session_port *port = *at;
        size_t living = 0;
        size_t survivor = port->count;

        for (size_t i = 0; i < port->count; i++)
            if (lives(&port->member[i])) {
                living++;
                survivor = i;
            }
        if (living > 1) {
            at = &port->next;
            continue;
        }
        *at = port->next;
        close_port(port, survivor);
    }
}

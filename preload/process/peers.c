/*
 * What a datagram costs here is a hash, a look into one set of the table, and the time. No system
 * call: they cost as much as the datagram itself. So which descriptors are meant is remembered by
 * number, and verified where a peer is new.
 */
#include "peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "control.h"
#include "notes.h"
#include "preload/kernel/clock.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "process.h"

struct peer_table *_Atomic peer_table;

/* The inode of the socket behind a number; what else a number may be stands before those. */
enum { NOT_LOOKED_AT, NO_SERVICE, REMEMBERED_NUMBERS = 1024 };
static atomic_uint socket_of[REMEMBERED_NUMBERS];

/* An address as it is kept: see struct peer. */
struct peer_name {
    uint32_t socket;
    uint32_t address[4];
    uint32_t port;
};

void begin_keeping_peers(void)
{
    struct message message = new_message(MESSAGE_PEERS);
    struct peer_table *nobody = NULL;
    struct peer_table *table;
    int file;

    if (!session.keeps_peers || keeps_peers())
        return;
    ask_helper(open_control_patiently(), &message, &file);
    if (file == -1)
        return;
    table = kernel_map_file(file, sizeof *table);
    kernel_close(file);
    if (table && !atomic_compare_exchange_strong(&peer_table, &nobody, table))
        kernel_unmap(table, sizeof *table); /* another thread was first */
}

static void remember(int fd, uint32_t what)
{
    if (fd >= 0 && fd < REMEMBERED_NUMBERS)
        atomic_store_explicit(&socket_of[fd], what, memory_order_relaxed);
}

void keep_peers_of(int fd, ino_t inode)
{
    for (int i = 0; i < REMEMBERED_NUMBERS; i++)
        remember(i, NOT_LOOKED_AT);
    remember(fd, (uint32_t)inode);
}

/* In a sandbox nothing can be looked up, and a child of vfork must not remember: our memory. */
static uint32_t look_at_socket(int fd)
{
    uint32_t found = NO_SERVICE;
    const struct note *note;
    ino_t inode;

    if (!session.active || !own_state())
        return NO_SERVICE;
    inode = socket_inode(fd);
    note = find_note(inode);
    if (note && note->datagram && !note->private)
        found = (uint32_t)inode;
    remember(fd, found);
    return found;
}

static uint32_t socket_behind(int fd)
{
    uint32_t known = NOT_LOOKED_AT;

    if (fd >= 0 && fd < REMEMBERED_NUMBERS)
        known = atomic_load_explicit(&socket_of[fd], memory_order_relaxed);
    return known == NOT_LOOKED_AT ? look_at_socket(fd) : known;
}

static bool name_address(const struct sockaddr *address, socklen_t length, struct peer_name *name)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    memset(name, 0, sizeof *name);
    if (length >= sizeof v4 && address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        name->address[2] = htonl(0xffff);
        name->address[3] = v4.sin_addr.s_addr;
        name->port = v4.sin_port;
        return true;
    }
    if (length < offsetof(struct sockaddr_in6, sin6_scope_id) || address->sa_family != AF_INET6)
        return false;
    memcpy(&v6, address, offsetof(struct sockaddr_in6, sin6_scope_id));
    memcpy(name->address, &v6.sin6_addr, sizeof name->address);
    name->port = v6.sin6_port;
    return true;
}

static uint32_t hash_name(const struct peer_table *table, const struct peer_name *name)
{
    uint32_t hash = mix_peer(table->seed, name->socket);

    for (int i = 0; i < 4; i++)
        hash = mix_peer(hash, name->address[i]);
    return mix_peer(hash, name->port);
}

static bool is_named(struct peer *peer, uint32_t tag, const struct peer_name *name)
{
    return peer->tag == tag && peer->socket == name->socket && peer->port == name->port &&
           peer->address[0] == name->address[0] && peer->address[1] == name->address[1] &&
           peer->address[2] == name->address[2] && peer->address[3] == name->address[3];
}

/* How little it would be missed: who has been answered stays before who has only sent something. */
static uint64_t dispensability(struct peer *peer, uint32_t when)
{
    uint32_t received = when - peer->received;
    uint32_t sent = when - peer->sent;
    bool answered = peer->sent != 0;

    return answered ? (sent < received ? sent : received) : (uint64_t)received + UINT32_MAX;
}

/* A free one, or that of the peer that matters least; NULL: all are being written. */
static struct peer *pick_place(struct peer *set, uint32_t when)
{
    struct peer *place = NULL;
    uint64_t most = 0;

    for (int i = 0; i < PEERS_PER_SET; i++) {
        unsigned tag = set[i].tag;
        uint64_t dispensable = dispensability(&set[i], when);

        if (tag == PEER_FREE)
            return &set[i];
        if (tag != PEER_WRITTEN && (!place || dispensable > most)) {
            place = &set[i];
            most = dispensable;
        }
    }
    return place;
}

/* NULL: another thread has just taken that place. The next datagram has another chance. */
static struct peer *add_peer(struct peer *set, uint32_t tag, const struct peer_name *name,
                             uint32_t when)
{
    struct peer *place = pick_place(set, when);
    unsigned before = place ? place->tag : PEER_WRITTEN;

    if (before == PEER_WRITTEN ||
        !atomic_compare_exchange_strong(&place->tag, &before, PEER_WRITTEN))
        return NULL;
    place->socket = name->socket;
    for (int i = 0; i < 4; i++)
        place->address[i] = name->address[i];
    place->port = name->port;
    place->received = place->sent = place->known = 0;
    place->tag = tag;
    return place;
}

/* A number may stand for another socket by now. */
static bool is_still_behind(int fd, uint32_t socket)
{
    if (!session.active || (uint32_t)socket_inode(fd) == socket)
        return true;
    remember(fd, NOT_LOOKED_AT);
    return false;
}

static struct peer *find_or_add(struct peer_table *table, int fd, const struct peer_name *name,
                                uint32_t when)
{
    uint32_t hash = hash_name(table, name);
    uint32_t tag = hash < PEER_TAGS ? hash + PEER_TAGS : hash;
    struct peer *set = table->peer[hash % PEER_SETS];

    for (int i = 0; i < PEERS_PER_SET; i++)
        if (is_named(&set[i], tag, name))
            return &set[i];
    return is_still_behind(fd, name->socket) ? add_peer(set, tag, name, when) : NULL;
}

/*
 * The time is written before it is asked whether there is a successor, and the helper does it the
 * other way round: one of the two sees the other.
 */
static void note(int fd, const struct sockaddr *address, socklen_t length, bool sent)
{
    struct peer_table *table = peer_table;
    uint32_t when = peer_ticks(nanoseconds_now());
    struct message message;
    struct peer_name name;
    struct peer *peer;

    if (!name_address(address, length, &name))
        return;
    name.socket = socket_behind(fd);
    peer = name.socket == NO_SERVICE ? NULL : find_or_add(table, fd, &name, when);
    if (!peer)
        return;
    if (*(sent ? &peer->sent : &peer->received) != when)
        *(sent ? &peer->sent : &peer->received) = when;
    if (!table->retired || peer->known || !session.active)
        return;
    peer->known = 1;
    message = new_message(MESSAGE_PEER);
    message.inode = name.socket;
    ask_helper(open_control(), &message, NULL);
}

void note_received(int fd, const struct sockaddr *address, socklen_t length)
{
    int saved = errno;

    note(fd, address, length, false);
    errno = saved;
}

void note_sent(int fd, const struct sockaddr *address, socklen_t length)
{
    int saved = errno;

    note(fd, address, length, true);
    errno = saved;
}

bool has_peer_successor(void)
{
    struct peer_table *table = peer_table;

    return table && table->retired && session.active;
}

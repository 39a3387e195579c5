/*
 * The peers of a generation's datagram sockets, in memory that its processes share with the helper
 * (TFPRELOAD_UDP=sessions). No kernel keeps them: whoever sends and receives has to.
 *
 * Every field is written without a lock, by several processes at once. The helper takes what it
 * reads for a hint about the generation that has written it, and for nothing else.
 */
#ifndef TFPRELOAD_PEER_TABLE_H
#define TFPRELOAD_PEER_TABLE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

/* A peer has its place in one set; where that is full, the one that matters least gives way. */
enum { PEER_SETS = 1024, PEERS_PER_SET = 8 };

/* Tags that no peer has. */
enum { PEER_FREE = 0, PEER_WRITTEN = 1, PEER_TAGS = 2 };

struct peer {
    atomic_uint tag;        /* of a hash of what follows; published last */
    atomic_uint socket;     /* its inode, which has 32 bits */
    atomic_uint address[4]; /* of IPv6, or of IPv4 as a mapped one; network byte order, as is */
    atomic_uint port;
    atomic_uint received; /* when something last came from it, in ticks, or 0 */
    atomic_uint sent;     /* when something last went to it */
    atomic_uint known;    /* the helper has looked at it since the generation has retired */
    uint32_t unused[6];
};

struct peer_table {
    atomic_uint retired; /* its generation has a successor: a peer that is new is told of at once */
    uint32_t seed;
    uint32_t unused[14];
    struct peer peer[PEER_SETS][PEERS_PER_SET];
};

static_assert(sizeof(struct peer) == 64, "a peer has a line of the cache, whoever has compiled it");

enum { PEER_TICK_BITS = 24 };

/* Some 17 ms; odd, so never 0. They are subtracted: after two years they begin anew. */
static inline uint32_t peer_ticks(int64_t nanoseconds)
{
    return (uint32_t)(nanoseconds >> PEER_TICK_BITS) | 1;
}

/* Both halves, and a BPF program of the helper's, hash like this, word by word. */
enum { PEER_MULTIPLIER = 0x2c1b3c6d, PEER_SHIFT = 15 };

static inline uint32_t mix_peer(uint32_t hash, uint32_t word)
{
    hash = (hash ^ word) * PEER_MULTIPLIER;
    return hash ^ hash >> PEER_SHIFT;
}

#endif

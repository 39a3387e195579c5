/*
 * The processes write while we read, and one of them may be hostile: what is read here is copied,
 * and means something about their own generation alone. The file cannot be made shorter.
 */
#include "peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/kernel/memory_file.h"
#include "helper/kernel/random.h"
#include "preload/wire/peer_table.h"

struct peers {
    int file;
    struct peer_table *table;
};

static struct peer_table *map_table(int file)
{
    struct peer_table *table = MAP_FAILED;

    if (ftruncate(file, sizeof *table) == 0 &&
        fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return table == MAP_FAILED ? NULL : table;
}

struct peers *new_peers(void)
{
    int file = open_sealable_file("tfpreload-peers");
    struct peer_table *table = file == -1 ? NULL : map_table(file);
    struct peers *peers;
    int error = errno;

    if (!table) {
        if (file != -1)
            close(file);
        errno = error;
        return NULL;
    }
    if (read_random(&table->seed, sizeof table->seed) == -1)
        table->seed = (uint32_t)now(); /* so early after boot nobody can guess it either */
    peers = allocate(1, sizeof *peers);
    *peers = (struct peers){file, table};
    return peers;
}

void free_peers(struct peers *peers)
{
    if (!peers)
        return;
    if (peers->table)
        munmap(peers->table, sizeof *peers->table);
    close(peers->file);
    free(peers);
}

/* Of the size that it was made with: what maps it is the compiler's. */
static bool is_table(int file)
{
    struct stat status;

    return fstat(file, &status) == 0 && status.st_size == (off_t)sizeof(struct peer_table);
}

bool resume_peers(struct peers *peers)
{
    void *table = MAP_FAILED;

    errno = EINVAL;
    if (is_table(peers->file))
        table =
            mmap(NULL, sizeof *peers->table, PROT_READ | PROT_WRITE, MAP_SHARED, peers->file, 0);
    if (table == MAP_FAILED)
        return false;
    peers->table = table;
    return true;
}

void carry_peers(struct carrier *carrier, struct peers **peers)
{
    int file =
        carry_descriptor(carrier, "datagram-peers", *peers ? (*peers)->file : -1, MAY_BE_NONE);

    if (!is_reading(carrier) || has_fault(carrier) || file == -1)
        return;
    *peers = allocate(1, sizeof **peers);
    (*peers)->file = file;
}

int file_of_peers(const struct peers *peers)
{
    return peers->file;
}

void ask_to_tell(struct peers *peers, bool tell)
{
    peers->table->retired = tell;
}

/* False for one that is being written, or has given way to another one meanwhile. */
static bool copy_peer(struct peer *peer, struct seen_peer *copy)
{
    unsigned tag = peer->tag;

    if (tag < PEER_TAGS)
        return false;
    copy->socket = peer->socket;
    for (int i = 0; i < 4; i++)
        copy->address[i] = peer->address[i];
    copy->port = peer->port & 0xffff;
    return peer->tag == tag;
}

/* For how long, in ticks. It may have been written after our look at the clock. */
static uint32_t time_since(uint32_t last, uint32_t when)
{
    if (last == 0)
        return INT32_MAX;
    return (int32_t)(when - last) < 0 ? 0 : when - last;
}

void for_each_peer(struct peers *peers, int64_t silence,
                   void (*visit)(const struct seen_peer *peer, void *argument), void *argument)
{
    struct peer *peer = peers->table->peer[0];
    uint32_t when = peer_ticks(now());
    struct seen_peer copy;

    for (size_t i = 0; i < (size_t)PEER_SETS * PEERS_PER_SET; i++, peer++) {
        uint32_t sent;

        if (!copy_peer(peer, &copy))
            continue;
        copy.quiet = time_since(peer->received, when);
        sent = time_since(peer->sent, when);
        if (sent < copy.quiet)
            copy.quiet = sent;
        peer->known = copy.quiet <= silence >> PEER_TICK_BITS;
        if (peer->known)
            visit(&copy, argument);
    }
}

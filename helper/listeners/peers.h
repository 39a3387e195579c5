/* Whom the processes of one generation talk to over datagram sockets, as they say themselves. */
#ifndef TFHELPER_PEERS_H
#define TFHELPER_PEERS_H

#include <stdbool.h>
#include <stdint.h>

struct carrier;

/* A table in memory that is shared with them. */
struct peers;

struct seen_peer {
    uint32_t socket; /* the inode of theirs, or its last 32 bits */
    uint32_t address[4];
    uint32_t quiet; /* for how many ticks nothing was exchanged with it */
    uint32_t port;  /* all in network byte order, IPv4 as a mapped address */
};

/* NULL with errno set on failure. free_peers() takes NULL, too. */
struct peers *new_peers(void);
void free_peers(struct peers *peers);

/* The file that they map. It stays ours. */
int file_of_peers(const struct peers *peers);

/* Are they to tell of each new one at once, since there is a successor? */
void ask_to_tell(struct peers *peers, bool tell);

/*
 * Visit each with whom something was exchanged within the last `silence` nanoseconds. Of the
 * others, they tell when they hear of them again.
 */
void for_each_peer(struct peers *peers, int64_t silence,
                   void (*visit)(const struct seen_peer *peer, void *argument), void *argument);

/*
 * Their file: helper/base/carry.h. What was read has no table yet: that is mapped then, and true
 * returned, or false with errno set.
 */
void carry_peers(struct carrier *carrier, struct peers **peers);
bool resume_peers(struct peers *peers);

#endif

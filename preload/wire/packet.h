/*
 * One packet over a unix socket, with descriptors: the only place that knows ancillary
 * data. Both halves use it; what the packet means is for others to say.
 */
#ifndef TFPRELOAD_PACKET_H
#define TFPRELOAD_PACKET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A server's notice to its manager may bring so many; our own messages have fewer: unix(7). */
enum { MOST_RIGHTS = 64 };

struct outgoing {
    const void *data;
    size_t size;
    const int *descriptors; /* that stay the caller's */
    size_t count;           /* MOST_RIGHTS at most */
    const void *address;    /* NULL: to the peer that the socket is connected to */
    socklen_t address_length;
};

/*
 * Send it; `flags` as for sendmsg(2), which never raises SIGPIPE. Returns 0, or -1 with
 * errno set. Async-signal-safe, as are the others.
 */
int send_packet(int fd, const struct outgoing *packet, int flags);

struct incoming {
    void *data;
    size_t room;      /* bytes */
    int *descriptors; /* room for `most` of them, MOST_RIGHTS at most; NULL where that is 0 */
    size_t most;
    struct ucred *sender; /* NULL: not asked for; else all zero where the kernel does not say */
    size_t count;         /* filled in: how many descriptors came, close-on-exec; the caller's */
};

/*
 * Receive one. Returns its size, 0 at the end of the connection or for a packet of no bytes,
 * or -1 with errno set: EMSGSIZE if it is larger than the room for it, EPROTO if more
 * descriptors came than were asked for, EMFILE if one of them found no place in our table.
 * Unless its size is returned, and is greater than 0, every descriptor that came is closed.
 */
ssize_t receive_packet(int fd, struct incoming *packet, int flags);

/* Close the descriptors that came with a packet which is not what it should be. Keeps errno. */
void close_received(struct incoming *packet);

#endif

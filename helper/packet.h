/* One packet to a unix socket, with descriptors. */
#ifndef TFHELPER_PACKET_H
#define TFHELPER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* A notice of a server's may bring so many; our own answers have fewer: unix(7). */
enum { MOST_RIGHTS = 64 };

struct packet {
    const void *data;
    size_t size;
    const int *descriptors; /* that stay the caller's */
    size_t count;           /* MOST_RIGHTS at most */
    const void *address;    /* NULL: to the peer that `fd` is connected to */
    socklen_t address_length;
};

/* Send it without waiting. False, with errno set, if nobody is there, or nobody reads. */
bool send_packet(int fd, const struct packet *packet);

#endif

/* What a message of each kind may hold, and receiving one that holds nothing else. */
#ifndef TFPRELOAD_MESSAGES_H
#define TFPRELOAD_MESSAGES_H

#include "packet.h"
#include "protocol.h"

/* Who says what: bits, since the helper hears two of them on one socket. */
enum speaker { FROM_LIBRARY = 1, FROM_HELPER = 2, FROM_COMMAND = 4 };

/* What is wrong with a message. */
enum fault {
    FAULT_NONE,
    FAULT_SIZE,        /* not the one that its kind, or its count, demands */
    FAULT_MAGIC,       /* it is none of ours */
    FAULT_VERSION,     /* it is of another version of ours */
    FAULT_KIND,        /* there is no such kind, or not from such a speaker */
    FAULT_DESCRIPTORS, /* not so many as belong to its kind */
    FAULT_FIELD,       /* a field is out of range, or not zero though the kind does not use it */
    FAULT_KEY,         /* the same of the key: a family that is not that of the address, … */
    FAULT_REPORT,      /* the same of a socket_report */
};

/* Is this a version of the protocol that we understand? */
bool is_spoken(unsigned version);

/*
 * Look at `size` bytes that came with so many descriptors. No byte behind `size` is read.
 * Async-signal-safe, as are the others.
 */
enum fault fault_of_message(const void *data, size_t size, size_t descriptors, unsigned speakers);

/*
 * Does it lack the secret of the session, though it is, by its first bytes, a message of ours, of
 * whatever version, that needs one? A demand needs none: who makes it, the kernel says. The rest is
 * not looked at.
 */
bool lacks_secret(const void *data, size_t size, const uint8_t secret[SECRET_LENGTH]);

/*
 * An empty message of an enum message_kind or demand, in our version; a demand in the oldest that
 * we know: a command need not be of the same release as the helper.
 */
struct message message_of_kind(unsigned kind, uint32_t generation);

/*
 * receive_packet() into a struct message, or a larger one with a struct message at its
 * start, of a kind that one of `speakers` sends. Returns its size, 0 at the end, or -1 with errno
 * set and every descriptor closed: also to EPROTO if it has a fault, EPROTONOSUPPORT if it is of
 * another version, EACCES if it lacks the secret, unless that is NULL.
 */
ssize_t receive_message(int fd, struct incoming *packet, unsigned speakers, const uint8_t *secret,
                        int flags);

#endif

/* What goes on on a TCP connection, as sock_diag(7) knows it. */
#ifndef TFHELPER_TCP_ACTIVITY_H
#define TFHELPER_TCP_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times are nanoseconds, as precise as the kernel's clock tick: 1 to 10 ms. */
struct tcp_activity {
    uint32_t unread;         /* bytes that the server has not taken */
    uint32_t unacknowledged; /* bytes that the peer has not acknowledged */
    uint32_t unsent;         /* of these, bytes that wait to be sent */
    int64_t quiet;           /* for so long no data has gone either way; -1: not known */
    bool asked;    /* the last data came from the peer: an answer is owed, or it still sends */
    bool answered; /* the last data was ours; neither, if both fell into one tick */
};

/* Fill in the times from a struct tcp_info of this size; a kernel may have a longer or shorter one.
 */
void read_tcp_info(const void *data, size_t size, struct tcp_activity *activity);

#endif

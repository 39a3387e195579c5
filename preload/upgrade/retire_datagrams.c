/*
 * The old generation must not receive any more, but what it is still working on must be answered
 * from the service's port: preload/wire/deaf_sender.c.
 */
#include "retire_datagrams.h"

#include <stdatomic.h>

#include "preload/kernel/clock.h"
#include "preload/kernel/kernel.h"
#include "preload/process/addresses.h"
#include "preload/process/replace.h"
#include "preload/process/scan.h"
#include "preload/wire/deaf_sender.h"

/* A thread that has not come back to poll() by then is busy with something else. */
static const int64_t longest_promise = 500000000;
static _Atomic(int64_t) promised_since;

/*
 * poll() may have told a thread of the datagram that is queued, and a receive on
 * a replacement that blocks would hang. So it is received first, and the socket
 * retires when the thread waits again, or when we are told again and nothing is queued.
 */
bool has_promised_datagram(int fd)
{
    struct pollfd queue = {.fd = fd, .events = POLLIN};

    if (kernel_poll(&queue, 1, 0) != 1)
        return false;
    if (promised_since == 0)
        promised_since = nanoseconds_now();
    return nanoseconds_now() - promised_since < longest_promise;
}

int retire_datagram_socket(const struct scan *scan, const struct found_socket *socket,
                           bool nonblocking)
{
    int deaf = open_deaf_sender(socket->fd);
    int result;

    if (deaf == -1)
        return -1;
    kernel_fcntl(deaf, F_SETFL, nonblocking ? O_NONBLOCK : 0);
    keep_address(socket->fd, deaf);
    result = replace_descriptor(scan, socket->fd, deaf);
    kernel_close(deaf);
    return result;
}

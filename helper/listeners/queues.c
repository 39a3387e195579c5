#include "queues.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#include "helper/kernel/unix_sockets.h"
#include "preload/wire/protocol.h"

/* Nobody says how many wait: poll(2) knows at least whether anybody does. */
static struct queue queue_by_poll(int fd)
{
    struct pollfd queue = {.fd = fd, .events = POLLIN};
    int ready = poll(&queue, 1, 0);

    return (struct queue){false, ready == 0 || (ready == 1 && !(queue.revents & POLLIN)) ? 0 : 1,
                          -1};
}

/* SO_MEMINFO, Linux 4.12: what the datagrams that nobody has read take, in bytes. */
static struct queue queue_of_datagrams(int fd)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof memory;

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == -1)
        return queue_by_poll(fd);
    return (struct queue){true, memory[SK_MEMINFO_RMEM_ALLOC], -1};
}

/* tcp(7) TCP_INFO of a listener: "unacked" is its queue's length, "sacked" its limit. */
struct queue queue_of(int fd, uint64_t inode, const struct listener_key *key)
{
    struct tcp_info info = {0};
    struct unix_socket local;
    socklen_t length = sizeof info;

    if (key->family == AF_UNIX) {
        if (find_unix_socket(inode, &local) == IS_THERE && local.has_queue)
            return (struct queue){true, local.queue, local.listens ? (int)local.backlog : -1};
    } else if (key->type == SOCK_DGRAM) {
        return queue_of_datagrams(fd);
    } else if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0) {
        return (struct queue){true, info.tcpi_unacked, (int)info.tcpi_sacked};
    }
    return queue_by_poll(fd);
}

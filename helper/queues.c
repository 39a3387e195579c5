#include "queues.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

#include "inheritance.h"
#include "unix_sockets.h"

/* SO_MEMINFO, Linux 4.12: what the datagrams that nobody has read take, in bytes. */
static struct queue queue_of_datagrams(const struct inherited *item)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof memory;

    if (getsockopt(item->fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == -1)
        return (struct queue){false, 0, 0};
    return (struct queue){true, memory[SK_MEMINFO_RMEM_ALLOC], -1};
}

/* tcp(7) TCP_INFO of a listener: "unacked" is its queue's length, "sacked" its limit. */
struct queue queue_of(const struct inherited *item)
{
    struct tcp_info info = {0};
    struct unix_socket local;
    socklen_t length = sizeof info;

    if (item->key.family == AF_UNIX) {
        if (find_unix_socket(item->inode, &local))
            return (struct queue){true, local.queue, local.listens ? (int)local.backlog : -1};
    } else if (item->key.type == SOCK_DGRAM) {
        return queue_of_datagrams(item);
    } else if (getsockopt(item->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0) {
        return (struct queue){true, info.tcpi_unacked, (int)info.tcpi_sacked};
    }
    return (struct queue){false, 0, 0};
}

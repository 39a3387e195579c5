/* What the kernel lists of sockets: helper/kernel/sock_diag_answer.c. */
#include "helper/kernel/sock_diag_answer.h"
#include "helper/kernel/tcp_activity.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include "fuzz.h"
#include "helper/kernel/unix_socket.h"

static bool visit(const struct nlmsghdr *entry, void *argument)
{
    const struct inet_diag_msg *body = body_of_entry(entry, sizeof *body);
    struct unix_socket socket;
    size_t *visited = argument;

    if (body)
        *visited += body->idiag_inode & 1; /* read to its end, or nearly */
    if (read_unix_entry(entry, &socket))
        HOLDS(socket.name_length <= sizeof socket.name);
    return ++*visited < 1000;
}

static void try_input(const uint8_t *data, size_t size)
{
    void *datagram = copy_of(data, size);
    struct tcp_activity activity;
    size_t visited = 0;

    (void)visit_entries(datagram, size, visit, &visited);
    (void)read_tcp_answer(datagram, size, 1, 4711, &activity);
    free(datagram);
}

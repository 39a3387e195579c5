/*
 * To ask about one socket by its addresses costs a look into a hash table. A
 * list of all on a port (internet_sockets.c) is for when there is no other way.
 */
#include "tcp_sockets.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sock_diag.h"
#include "sock_diag_answer.h"

/* Of the last request: an answer to an earlier one may have been left unread. */
static uint32_t sequence;

/*
 * The kernel answers before send() returns. Where there is no such connection
 * it finds the listener on that port, or another connection between the same
 * addresses: so the inode decides.
 */
enum lookup find_tcp_socket(int diag, uint8_t family, const struct inet_diag_sockid *id,
                            unsigned long long inode, struct tcp_activity *activity)
{
    const struct inet_diag_req_v2 body = {.sdiag_family = family,
                                          .sdiag_protocol = IPPROTO_TCP,
                                          .idiag_ext = activity ? 1u << (INET_DIAG_INFO - 1) : 0,
                                          .idiag_states = ~0u,
                                          .id = *id};
    static _Alignas(struct nlmsghdr) char buffer[4096];
    ssize_t size;

    if (diag == -1 || request_sock_diag(diag, &body, sizeof body, 0, ++sequence) == -1)
        return CANNOT_TELL;
    size = recv(diag, buffer, sizeof buffer, MSG_DONTWAIT);
    return size == -1 ? CANNOT_TELL
                      : read_tcp_answer(buffer, (size_t)size, sequence, inode, activity);
}

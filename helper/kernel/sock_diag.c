#include "sock_diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sock_diag_answer.h"

enum { MOST_BODY = 64, DATAGRAM = 32 * 1024 };

int open_sock_diag(void)
{
    return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

int request_sock_diag(int diag, const void *body, size_t size, uint16_t flags, uint32_t sequence)
{
    struct {
        struct nlmsghdr header;
        char body[MOST_BODY];
    } request = {.header = {.nlmsg_len = (uint32_t)(sizeof request.header + size),
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | flags,
                            .nlmsg_seq = sequence}};

    memcpy(request.body, body, size);
    return send(diag, &request, request.header.nlmsg_len, 0) == -1 ? -1 : 0;
}

int for_each_entry(const void *body, size_t size,
                   bool (*visit)(const struct nlmsghdr *entry, void *argument), void *argument)
{
    static _Alignas(struct nlmsghdr) char buffer[DATAGRAM];
    int diag = open_sock_diag();
    int result = 1;

    if (diag == -1)
        return -1;
    if (request_sock_diag(diag, body, size, NLM_F_DUMP, 0) == -1)
        result = -1;
    while (result == 1) {
        ssize_t received = recv(diag, buffer, sizeof buffer, 0);

        result = received <= 0 ? -1 : visit_entries(buffer, (size_t)received, visit, argument);
    }
    close(diag);
    return result;
}

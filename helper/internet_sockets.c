#include "internet_sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

struct visitor {
    bool (*visit)(const struct inet_diag_msg *socket, void *argument);
    void *argument;
};

/* Visit the entries of one datagram. Returns false when there is no more to visit. */
static bool visit_entries(const void *buffer, size_t size, const struct visitor *visitor)
{
    for (const struct nlmsghdr *header = buffer; NLMSG_OK(header, size);
         header = NLMSG_NEXT(header, size)) {
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
            return false;
        if (!visitor->visit(NLMSG_DATA(header), visitor->argument))
            return false;
    }
    return true;
}

int for_each_internet_socket(int family, int protocol, uint32_t states, uint16_t port,
                             bool (*visit)(const struct inet_diag_msg *socket, void *argument),
                             void *argument)
{
    static _Alignas(struct nlmsghdr) char buffer[32 * 1024];
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = (uint8_t)family,
                 .sdiag_protocol = (uint8_t)protocol,
                 .idiag_states = states,
                 .id.idiag_sport = htons(port)},
    };
    struct visitor visitor = {visit, argument};
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    ssize_t size;

    if (netlink == -1)
        return -1;
    size = send(netlink, &request, sizeof request, 0);
    while (size > 0) {
        size = recv(netlink, buffer, sizeof buffer, 0);
        if (size > 0 && !visit_entries(buffer, (size_t)size, &visitor))
            break;
    }
    close(netlink);
    return size == -1 ? -1 : 0;
}

#include "internet_sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stddef.h>

#include "sock_diag.h"

struct visitor {
    bool (*visit)(const struct inet_diag_msg *socket, void *argument);
    void *argument;
};

static bool visit_entry(const struct nlmsghdr *header, void *argument)
{
    const struct visitor *visitor = argument;

    return visitor->visit(NLMSG_DATA(header), visitor->argument);
}

int for_each_internet_socket(int family, int protocol, uint32_t states, uint16_t port,
                             bool (*visit)(const struct inet_diag_msg *socket, void *argument),
                             void *argument)
{
    struct inet_diag_req_v2 request = {.sdiag_family = (uint8_t)family,
                                       .sdiag_protocol = (uint8_t)protocol,
                                       .idiag_states = states,
                                       .id.idiag_sport = htons(port)};
    struct visitor visitor = {visit, argument};

    return for_each_entry(&request, sizeof request, visit_entry, &visitor);
}

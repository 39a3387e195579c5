#include "internet_sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <netinet/tcp.h>
#include <stddef.h>

#include "sock_diag.h"
#include "sock_diag_answer.h"

const uint32_t HELD_CONNECTIONS = 1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_FIN_WAIT1 |
                                  1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT | 1u << TCP_LAST_ACK |
                                  1u << TCP_CLOSING;

struct visitor {
    bool (*visit)(const struct inet_diag_msg *socket, void *argument);
    void *argument;
};

static bool visit_entry(const struct nlmsghdr *header, void *argument)
{
    const struct visitor *visitor = argument;
    const struct inet_diag_msg *socket = body_of_entry(header, sizeof *socket);

    return !socket || visitor->visit(socket, visitor->argument);
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

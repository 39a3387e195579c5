/* The TCP and UDP sockets of this network namespace, as the kernel lists them. */
#ifndef TFHELPER_INTERNET_SOCKETS_H
#define TFHELPER_INTERNET_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

struct inet_diag_msg;

/* Not TIME_WAIT, SYN_RECV, CLOSE and LISTEN: nobody holds a connection there. */
extern const uint32_t HELD_CONNECTIONS;

/*
 * Call visit() for each socket of this family and protocol in one of these
 * states (a bit for each, 1 << TCP_LISTEN) on this local port, 0 for any, until
 * it returns false. Returns 0, or -1 with errno set where there is no sock_diag(7).
 */
int for_each_internet_socket(int family, int protocol, uint32_t states, uint16_t port,
                             bool (*visit)(const struct inet_diag_msg *socket, void *argument),
                             void *argument);

#endif

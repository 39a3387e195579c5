/* What the kernel knows of one TCP connection: sock_diag(7). */
#ifndef TFHELPER_TCP_SOCKETS_H
#define TFHELPER_TCP_SOCKETS_H

#include <linux/inet_diag.h>
#include <stdint.h>

#include "lookup.h"

struct tcp_activity;

/* Is there, by open_sock_diag()'s descriptor, a socket with these addresses and this inode, held by
 * a process and not dead? `activity` is filled in if so, and may be NULL. */
enum lookup find_tcp_socket(int diag, uint8_t family, const struct inet_diag_sockid *id,
                            unsigned long long inode, struct tcp_activity *activity);

#endif

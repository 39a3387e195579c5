/* What the kernel knows of one TCP connection: sock_diag(7). */
#ifndef TFHELPER_TCP_SOCKETS_H
#define TFHELPER_TCP_SOCKETS_H

#include <linux/inet_diag.h>
#include <stdint.h>

enum lookup { IS_GONE, IS_THERE, CANNOT_TELL };

/* Is there, by open_sock_diag()'s descriptor, a socket with these addresses and this inode, held by
 * a process and not dead? */
enum lookup find_tcp_socket(int diag, uint8_t family, const struct inet_diag_sockid *id,
                            unsigned long long inode);

#endif

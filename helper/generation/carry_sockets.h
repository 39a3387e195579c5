/* What is known of sockets, for the helper that is executed in our place. */
#ifndef TFHELPER_CARRY_SOCKETS_H
#define TFHELPER_CARRY_SOCKETS_H

struct carrier;
struct known_sockets;

/* helper/base/carry.h; a row each: a busy server has thousands of them. */
void carry_sockets(struct carrier *carrier, struct known_sockets *sockets);

#endif

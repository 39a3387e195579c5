/* Ports at which several generations serve, for the helper that is executed in our place. */
#ifndef TFHELPER_CARRY_SESSION_PORTS_H
#define TFHELPER_CARRY_SESSION_PORTS_H

struct carrier;

/* All of them, with their sockets and routes: helper/base/carry.h. */
void carry_session_ports(struct carrier *carrier);

#endif

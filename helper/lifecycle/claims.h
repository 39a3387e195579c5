/* Which generation each peer of a port belongs to. */
#ifndef TFHELPER_CLAIMS_H
#define TFHELPER_CLAIMS_H

struct session_port;

/* Look at what the generations say of their peers there, and have the kernel follow that. */
void route_peers(struct session_port *port);

#endif

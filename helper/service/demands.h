/* What the commands, `tfhelper status` and the others, demand of the helper of a service. */
#ifndef TFHELPER_DEMANDS_H
#define TFHELPER_DEMANDS_H

#include <stdbool.h>

struct message;
struct ucred;

/*
 * Meet the demand (enum demand) of the client at the other end of `fd`, who may
 * make it. Returns false when the client is to be dropped; it watches from the
 * first demand on that asks for more than a status, which the caller has seen to.
 */
bool meet_demand(int fd, const struct ucred *peer, const struct message *message);

#endif

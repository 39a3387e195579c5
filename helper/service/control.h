/* The control socket: what the library asks and tells, each over a connection of its own. */
#ifndef TFHELPER_CONTROL_H
#define TFHELPER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct carrier;

/* Open the socket under a name that nobody can guess. Returns 0, or -1 with errno set. */
int open_control_socket(void);

/*
 * Drop peers that have been silent for too long, hear those again that have said too much for a
 * while, and accept again after a pause. Returns when there is more of that to do, or 0.
 */
int64_t look_after_peers(void);

/* The socket, and all who are connected: helper/base/carry.h. And to go on with what was read. */
void carry_control(struct carrier *carrier);
void resume_control(void);

#endif

/* Who has connected to the control socket, as the kernel says. */
#ifndef TFHELPER_IDENTITY_H
#define TFHELPER_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "helper/kernel/lookup.h"

struct carrier;

struct identity {
    struct ucred credentials; /* of the process that has connected */
    bool may_demand;          /* same uid as the session, or root: see demands.h */
    bool start_noted;
    uint64_t started; /* 0: it had gone before that could be read */
};

/*
 * Note who has connected. True for who may be heard: whoever may demand; and a process of this
 * session that has dropped its privileges, whose library may ask and tell.
 */
bool note_credentials(struct identity *identity, int fd);

/*
 * IS_THERE: the process that has connected is there still, and no stranger. IS_GONE: it has ended,
 * or is one. CANNOT_TELL: nothing may be said of it yet, and what it says has to wait.
 */
enum lookup identify(struct identity *identity, int fd);

/*
 * When the process was started: helper/base/carry.h. Who it is, the kernel says once more in the
 * helper that reads it; false if it does not.
 */
void carry_identity(struct carrier *carrier, struct identity *identity);
bool resume_identity(struct identity *identity, int fd);

#endif

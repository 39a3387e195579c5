/* Finding the service of a process that shows no trace of it. */
#ifndef TFHELPER_FIND_BY_ASKING_H
#define TFHELPER_FIND_BY_ASKING_H

#include <stdbool.h>
#include <sys/types.h>

#include "../preload/protocol.h"

/*
 * Ask each helper that answers us whether this process is one of its own.
 * Returns whether one has said so; then `name` is that of its control socket.
 */
bool find_by_asking(pid_t pid, char name[SESSION_NAME_LENGTH + 1]);

#endif

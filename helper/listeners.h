/* The listeners that a generation holds, for those who ask for the status. */
#ifndef TFHELPER_LISTENERS_H
#define TFHELPER_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct generation;

struct listener {
    uint64_t inode;
    const char *kind; /* "tcp", "udp", "unix stream" */
    char address[160];
    int64_t queue; /* connections, or bytes of datagrams, that wait */
    int64_t limit; /* of connections; -1: not known */
};

/*
 * Call visit() for each listener and bound datagram socket that processes of
 * this generation hold. Those of a process that may not be looked into
 * (proc(5): it has changed its uid, and we lack CAP_SYS_PTRACE) are missing.
 */
void for_each_listener(const struct generation *generation,
                       void (*visit)(const struct listener *listener, void *argument),
                       void *argument);

/* The same for one process. */
void for_each_listener_of(pid_t pid, void (*visit)(const struct listener *listener, void *argument),
                          void *argument);

/* May this process hold a listener or a bound datagram socket? True if it cannot be looked into. */
bool may_hold_listener(pid_t pid);

#endif

/* The listeners and bound datagram sockets that processes hold, from outside. */
#ifndef TFHELPER_HELD_LISTENERS_H
#define TFHELPER_HELD_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
void for_each_listener(unsigned generation,
                       void (*visit)(const struct listener *listener, void *argument),
                       void *argument);

/* The same for one process. Returns -1 with errno set if some may be missing. */
int for_each_listener_of(pid_t pid, void (*visit)(const struct listener *listener, void *argument),
                         void *argument);

/*
 * May these processes hold a listener or a bound datagram socket? The answers go into
 * `may`: true if that cannot be looked at. The kernel's lists are read once for all of them.
 */
void may_hold_listeners(const pid_t *pids, size_t count, bool *may);

#endif

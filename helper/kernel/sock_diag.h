/* Requests to sock_diag(7), the kernel's lists of sockets; libc has no more than its structures. */
#ifndef TFHELPER_SOCK_DIAG_H
#define TFHELPER_SOCK_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

/* A descriptor to ask with, which the caller closes; -1 with errno set where sockets are denied. */
int open_sock_diag(void);

/*
 * Send a request: `body` of `size` bytes (64 at most) as SOCK_DIAG_BY_FAMILY, with these flags
 * (NLM_F_DUMP: for a list) and this sequence number. Returns 0, or -1 with errno set.
 */
int request_sock_diag(int diag, const void *body, size_t size, uint16_t flags, uint32_t sequence);

/*
 * Ask for a list and call visit() for each entry, until it returns false. Not
 * from within visit(): there is one buffer.
 * Returns 0, or -1 with errno set when the kernel does not list such sockets.
 */
int for_each_entry(const void *body, size_t size,
                   bool (*visit)(const struct nlmsghdr *entry, void *argument), void *argument);

#endif

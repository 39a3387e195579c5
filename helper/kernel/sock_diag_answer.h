/*
 * What sock_diag(7) answers: pure functions of a datagram, or of a part of one. The kernel writes
 * them, but parts of them are others' (the names of sockets), and a kernel to come may write more
 * or less: no length is believed that goes beyond what was received, and what is too short for what
 * it should hold is passed over.
 */
#ifndef TFHELPER_SOCK_DIAG_ANSWER_H
#define TFHELPER_SOCK_DIAG_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lookup.h"

struct nlmsghdr;
struct tcp_activity;
struct unix_socket;

/*
 * Call visit() for each entry of one datagram, until it returns false. Returns 1 when more may
 * come, 0 at the end, -1 with errno set where the kernel has sent an error instead.
 */
int visit_entries(const void *datagram, size_t size,
                  bool (*visit)(const struct nlmsghdr *entry, void *argument), void *argument);

/* What an entry holds; NULL if that is less than `least` bytes. */
const void *body_of_entry(const struct nlmsghdr *entry, size_t least);

/* What an entry tells of a unix socket; false if it is none. */
bool read_unix_entry(const struct nlmsghdr *entry, struct unix_socket *socket);

/* The answer to the question, of this number, about one TCP connection: is it the one with this
 * inode? Then what it tells of it is in `activity`, if that is not NULL. */
enum lookup read_tcp_answer(const void *datagram, size_t size, uint32_t sequence,
                            unsigned long long inode, struct tcp_activity *activity);

#endif

/* Every signal that the helper sends to a process of the server, an order or the operator's. */
#ifndef TFHELPER_DELIVER_H
#define TFHELPER_DELIVER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct member;

/*
 * Signal this member, and nobody who has got its pid since: it is named by pid and start, and a
 * pidfd_open(2) descriptor holds on to it meanwhile; where `started` is 0, it has to be our child.
 * False if it is gone, or that is not certain.
 */
bool signal_member(const struct member *member, int number);

/* The same with a value, as sigqueue(3), for one of its threads, or 0 for the process. */
bool queue_to_member(const struct member *member, pid_t thread, int number, union sigval value);

#endif

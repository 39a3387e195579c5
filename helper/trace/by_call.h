/* Where pidfd_getfd(2) is denied: a process hands a descriptor out by a call of its own. */
#ifndef TFHELPER_BY_CALL_H
#define TFHELPER_BY_CALL_H

#include <stdbool.h>
#include <sys/types.h>

struct call;

/*
 * May calls be made there? Not in a process with filters of its own, which they would pass through:
 * those could kill it (seccomp(2)).
 */
bool may_be_made_to_call(pid_t process);

/*
 * For borrow.h: one of its threads is stopped for a moment. Not one that waits for our answer to a
 * call: of a process that has no other, -1 with ESRCH.
 */
int take_descriptor_by_call(pid_t process, int number);

/*
 * Of such a process: the thread has to make its call anew. Then -1 with EAGAIN, and the call is
 * answered; when it comes again, the copy is there, and the caller's.
 */
int take_descriptor_by_caller(const struct call *call, int number);

#endif

/* A thread of another process, stopped for a moment by ptrace(2), and made to do a system call. */
#ifndef TFHELPER_INJECTION_H
#define TFHELPER_INJECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "registers.h"

struct call;
struct trace;

struct stopped {
    pid_t process;
    pid_t thread;
    struct registers registers; /* as they were */
    uint64_t mask;              /* of the signals that it blocked */
    bool injected;
};

/* Is this architecture one that we can make calls on? */
bool can_inject(void);

/*
 * Stop a thread; calls of `trace` are answered meanwhile. Returns 0, or an errno: ESRCH for one
 * that is gone, EPERM where ptrace(2) is denied or a debugger is there before us.
 */
int stop_thread(struct trace *trace, pid_t process, pid_t thread, struct stopped *stopped);

/*
 * The same with the thread that waits for our answer to this call, which it begins anew when it is
 * let go. Unless 0 is returned or ESRCH, the call is still to be answered.
 */
int stop_caller(const struct call *call, struct stopped *stopped);

/*
 * Have it do a call. Returns 0 or an errno, as above; `result`, unless that is NULL, gets what the
 * call has returned, -ERRNO if it has failed.
 */
int inject_call(struct trace *trace, struct stopped *stopped, long number, const long arguments[6],
                long *result);

/* Let it go on as if nothing had been. */
void let_go(struct stopped *stopped);

/* A thread has stopped that did not in time, and nobody waits for it any more. */
void let_latecomer_go(pid_t thread);

/* Interrupt a thread once, so that it begins its call anew. */
void interrupt_thread(struct trace *trace, pid_t process, pid_t thread);

#endif

/* A process that locks itself up: seccomp(2). */
#ifndef TFPRELOAD_SANDBOX_H
#define TFPRELOAD_SANDBOX_H

/*
 * prctl(2) PR_SET_SECCOMP by way of libc's `prctl`, and libseccomp's
 * seccomp_load(3). From then on a system call of ours, which the filter cannot
 * know, might be the end of the process: so it is left alone, unless the call
 * fails. They return what the function returns.
 */
int enter_sandbox_by_prctl(int (*prctl)(int, ...), int option, const unsigned long arguments[4]);
int enter_sandbox_by_libseccomp(const void *context);

#endif

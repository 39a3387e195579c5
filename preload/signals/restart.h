/* System calls that an order has interrupted, that no flag restarts and that nobody wraps. */
#ifndef TFPRELOAD_RESTART_H
#define TFPRELOAD_RESTART_H

#include <stdbool.h>

/*
 * Will the system call that a signal handler has interrupted fail with EINTR,
 * rather than be made again by the kernel? `context` is the handler's third
 * argument. In a handler only. True where the processor is not known.
 */
bool fails_with_eintr(const void *context);

/*
 * Let the system call that a signal handler has interrupted be made again, if it
 * is one that would fail with EINTR. `context` is the handler's third argument.
 * In a handler only. Does nothing where the processor is not known.
 */
void restart_interrupted_call(void *context);

/*
 * A recvmmsg() that a signal handler has interrupted and that has something to
 * return leaves an error on its socket: take it away. In a handler only, and
 * before the socket is replaced. Does nothing where the processor is not known.
 */
void forget_interruption(const void *context);

#endif

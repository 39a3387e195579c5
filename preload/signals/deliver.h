/* Reserved signals that are the program's own. */
#ifndef TFPRELOAD_DELIVER_H
#define TFPRELOAD_DELIVER_H

#include <signal.h>

/*
 * Deliver such a signal as the program wanted it: its handler, the default, or
 * nothing; or leave it for the thread that waits for it. `context` is the third
 * argument of the handler of ours that calls this. In that handler only.
 */
void deliver_to_program(int number, siginfo_t *info, void *context);

#endif

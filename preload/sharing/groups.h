/* Signals to the process group, which a server shares with the helper and the other generations. */
#ifndef TFPRELOAD_GROUPS_H
#define TFPRELOAD_GROUPS_H

#include <sys/types.h>

/*
 * kill(2), which may be called in a signal handler: a signal to the group that
 * this process shares with the helper goes to its own generation alone.
 */
int kill_own_generation(pid_t target, int signal_number);

#endif

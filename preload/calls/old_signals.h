/*
 * The signal calls of System V and 4.2BSD. libc's own would call its sigaction()
 * and sigprocmask() where no wrapper sees that.
 */
#ifndef TFPRELOAD_OLD_SIGNALS_H
#define TFPRELOAD_OLD_SIGNALS_H

#include <stdbool.h>

#include "preload/kernel/real.h"

/* Each returns and sets errno as libc's of its name does: sigset(3), sigvec(3), sigpause(3). */
program_handler program_sigset(int number, program_handler handler);
program_handler program_sysv_signal(int number, program_handler handler);
int program_sigignore(int number);
int program_sigpause(int signal_or_mask, bool is_signal);

/* sighold() and sigrelse() with SIG_BLOCK and SIG_UNBLOCK. */
int program_sighold(int how, int number);

/* sigblock() and sigsetmask() with SIG_BLOCK and SIG_SETMASK. */
int program_sigblock(int how, int mask);

#endif

/*
 * A filter of seccomp(2) above us may end who makes a call that it does not name: so does systemd
 * with SystemCallFilter=, where the unit has no SystemCallErrorNumber= (systemd.exec(5)). Some of
 * what the helper can do without is in none of the usual lists: ptrace, pidfd_getfd, seccomp.
 */
#ifndef TFHELPER_DEADLY_CALLS_H
#define TFHELPER_DEADLY_CALLS_H

#include <stdbool.h>

/*
 * Would this system call, a SYS_ number, be our end? A child tries it, once, with arguments that
 * cannot be meant: it must be one to which -1 is nothing. Where there is no child to be had, nobody
 * knows, and it counts as deadly this time. Changes no errno. Not for signal handlers.
 */
bool is_deadly(long call);

#endif

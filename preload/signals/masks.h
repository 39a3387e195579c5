/* Signal masks without the reserved signals, and what the program believes its masks to be. */
#ifndef TFPRELOAD_MASKS_H
#define TFPRELOAD_MASKS_H

#include <signal.h>

/* Which reserved signals the calling thread believes to have blocked: a bit for each index. */
unsigned believed_blocked(void);

/*
 * Unblock a reserved signal in the calling thread, which goes on believing to have
 * it blocked if it had. Before the first listener that is done for SIGURG alone,
 * by the constructor: programs block everything before they create their threads.
 */
void unblock_reserved(int number);

/* Block in the calling thread what it believes to have blocked: from now on it is true. */
void block_believed(void);

/* Copy `set` without the reserved signals; returns `copy`, or NULL for NULL. */
const sigset_t *without_reserved(const sigset_t *set, sigset_t *copy);

/* sigprocmask(2) or pthread_sigmask(3), whose own version is `set_mask`. Returns what that does. */
int program_sigmask(int (*set_mask)(int, const sigset_t *, sigset_t *), int how,
                    const sigset_t *set, sigset_t *old);

#endif

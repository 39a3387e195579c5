/*
 * What programs of thirty years ago call, in terms of what actions.c keeps for
 * the program. The semantics are those that POSIX and BSD have left us.
 */
#include "old_signals.h"

#include <errno.h>
#include <string.h>

#include "preload/signals/actions.h"
#include "preload/signals/masks.h"
#include "waits.h"

static int mask_one(int how, int number, sigset_t *before)
{
    sigset_t set;

    sigemptyset(&set);
    if (sigaddset(&set, number) == -1)
        return -1;
    return program_sigmask(real()->sigprocmask, how, &set, before);
}

program_handler program_sigset(int number, program_handler handler)
{
    struct sigaction action = {.sa_handler = handler};
    struct sigaction old;
    sigset_t before;
    bool hold = handler == SIG_HOLD;

    if (program_sigaction(number, hold ? NULL : &action, &old) == -1 ||
        mask_one(hold ? SIG_BLOCK : SIG_UNBLOCK, number, &before) == -1)
        return SIG_ERR;
    return sigismember(&before, number) == 1 ? SIG_HOLD : old.sa_handler;
}

program_handler program_sysv_signal(int number, program_handler handler)
{
#ifdef __GLIBC__
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    struct sigaction old;

    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return program_sigaction(number, &action, &old) == -1 ? SIG_ERR : old.sa_handler;
#else
    return program_signal(number, handler); /* musl has it under that name alone */
#endif
}

int program_sigignore(int number)
{
    struct sigaction action = {.sa_handler = SIG_IGN};

    return program_sigaction(number, &action, NULL);
}

int program_sighold(int how, int number)
{
    return mask_one(how, number, NULL);
}

/* 4.2BSD had 32 signals: the first of them is the lowest bit. */
static void set_of_mask(int mask, sigset_t *set)
{
    unsigned long word = (unsigned)mask;

    sigemptyset(set);
    memcpy(set, &word, sizeof word);
}

int program_sigblock(int how, int mask)
{
    unsigned long word;
    sigset_t set;
    sigset_t before;

    set_of_mask(mask, &set);
    if (program_sigmask(real()->sigprocmask, how, &set, &before) == -1)
        return -1;
    memcpy(&word, &before, sizeof word);
    return (int)word;
}

int program_sigpause(int signal_or_mask, bool is_signal)
{
    sigset_t set;

    if (!is_signal)
        set_of_mask(signal_or_mask, &set);
    else if (program_sigmask(real()->sigprocmask, SIG_BLOCK, NULL, &set) == -1 ||
             sigdelset(&set, signal_or_mask) == -1)
        return -1;
    return wait_sigsuspend(&set);
}

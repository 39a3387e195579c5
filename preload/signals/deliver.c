/*
 * A reserved signal may be none of ours: a timer's SIGURG, the hang-up of a
 * terminal. The program gets it as it would without us.
 */
#include "deliver.h"

#include <ucontext.h>

#include "actions.h"
#include "masks.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "reserved.h"
#include "upgrade_signal.h"

static bool ignored_by_default(int number)
{
    return number == SIGURG || number == SIGCHLD || number == SIGWINCH || number == SIGCONT;
}

/* End as the program would have: by this signal, with its default action. */
static void die_of(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;

    real()->sigaction(number, &action, NULL);
    kernel_tgkill(kernel_getpid(), kernel_gettid(), number);
    sigemptyset(&set);
    sigaddset(&set, number);
    kernel_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* What the kernel does before it calls a handler: ours has run with everything blocked. */
static void prepare_for_handler(int index, int number, const struct sigaction *action,
                                sigset_t *mask)
{
    if (action->sa_flags & SA_RESETHAND) {
        struct sigaction reset = *action; /* the kernel keeps mask and flags, too */

        reset.sa_handler = SIG_DFL;
        remember_action(index, &reset);
    }
    for (int other = 1; other < NSIG; other++)
        if (sigismember(&action->sa_mask, other) == 1)
            sigaddset(mask, other);
    if (!(action->sa_flags & SA_NODEFER))
        sigaddset(mask, number);
    kernel_sigmask(SIG_SETMASK, mask, NULL);
}

void deliver_to_program(int number, siginfo_t *info, void *context)
{
    int index = reserved_index(number);
    struct sigaction action;
    sigset_t mask = ((ucontext_t *)context)->uc_sigmask;

    if (index == -1 || (index == UPGRADE_INDEX && believed_blocked() & 1u << UPGRADE_INDEX &&
                        leave_to_waiter(info, context)))
        return;
    action = *program_action(index);
    if (action.sa_handler == SIG_IGN)
        return;
    if (action.sa_handler == SIG_DFL) {
        if (!ignored_by_default(number))
            die_of(number);
        return;
    }
    prepare_for_handler(index, number, &action, &mask);
    if (action.sa_flags & SA_SIGINFO)
        action.sa_sigaction(number, info, context);
    else
        action.sa_handler(number);
}

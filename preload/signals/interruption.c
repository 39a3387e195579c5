/*
 * SA_RESTART hides most interruptions. Those waits that no flag restarts are wrapped
 * (calls/waits.c) and read the count that is kept here; restart.c makes the others
 * again where it can.
 */
#include "interruption.h"

#include <ucontext.h>

#include "actions.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "restart.h"

_Thread_local unsigned order_interruptions;
_Thread_local bool stands_for_accept;

/*
 * Has a signal of the program's own arrived while we kept everything blocked? Its
 * handler runs as soon as we return, and the EINTR that follows is the program's.
 */
static bool own_signal_waits(const ucontext_t *interrupted)
{
    struct sigaction action;
    sigset_t pending;

    sigemptyset(&pending);
    kernel_sigpending(&pending);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&pending, number) == 1 &&
            sigismember(&interrupted->uc_sigmask, number) != 1 &&
            real()->sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
            action.sa_handler != SIG_IGN && !is_our_action(&action) &&
            !(stands_for_accept && action.sa_flags & SA_RESTART))
            return true;
    return false;
}

/*
 * Keep from the program that a system call of its own has been interrupted. One
 * that the kernel makes again does not show. Were it counted, an EINTR of the
 * program's own, later in the same call, would be taken for ours.
 */
void hide_interruption(void *context)
{
    if (!fails_with_eintr(context) || own_signal_waits(context))
        return;
    order_interruptions++;
    restart_interrupted_call(context);
}

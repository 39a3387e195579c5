/*
 * A signal handler is the one way into a program that we cannot change. All
 * that it calls is async-signal-safe, keeps errno, and does nothing in the
 * child of a vfork.
 */
#include "orders.h"

#include <errno.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "collect.h"
#include "connections.h"
#include "control.h"
#include "kernel.h"
#include "process.h"
#include "real.h"
#include "restart.h"
#include "retire.h"
#include "signals.h"

_Thread_local unsigned order_interruptions;

/* An exchange needs a connection and two descriptors that are passed. */
enum { SPARE_DESCRIPTORS = 8 };

/*
 * A server that has used up its descriptors can still be upgraded. The limit is
 * that of all threads: two that lifted it would not restore what it was.
 */
static bool lift_descriptor_limit(struct kernel_limit *limit)
{
    struct kernel_limit lifted;

    if (atomic_flag_test_and_set(&own_state()->limit_lock))
        return false;
    if (kernel_prlimit(RLIMIT_NOFILE, NULL, limit) == -1) {
        atomic_flag_clear(&own_state()->limit_lock);
        return false;
    }
    lifted = *limit;
    lifted.present = limit->most - limit->present > SPARE_DESCRIPTORS
                         ? limit->present + SPARE_DESCRIPTORS
                         : limit->most;
    kernel_prlimit(RLIMIT_NOFILE, &lifted, NULL);
    return true;
}

static void restore_descriptor_limit(const struct kernel_limit *limit)
{
    kernel_prlimit(RLIMIT_NOFILE, limit, NULL);
    atomic_flag_clear(&own_state()->limit_lock);
}

static void carry_out(int order)
{
    struct kernel_limit limit;
    bool lifted;

    if (order == ORDER_WAKE) /* has done its work by interrupting a system call */
        return;
    lifted = lift_descriptor_limit(&limit);
    if (order == ORDER_COLLECT)
        send_listeners();
    else if (order == ORDER_RETIRE)
        retire_listeners(false);
    else if (order == ORDER_RESUME)
        resume_listeners();
    else if (order == ORDER_REARM)
        rearm_listeners();
    else if (order == ORDER_COUNT)
        count_connections();
    if (lifted)
        restore_descriptor_limit(&limit);
}

/* The helper knows which processes are the server's own. */
bool helper_takes_signal(const siginfo_t *info)
{
    struct message message = new_message(MESSAGE_UPGRADE);

    /* not the kernel's, as for a terminal's hang-up, nor that of a timer, which has no sender */
    if (info->si_code != SI_USER && info->si_code != SI_TKILL && info->si_code != SI_QUEUE)
        return false;
    message.sender = info->si_pid;
    /* no helper, no upgrade: the program's own again */
    return ask_helper(open_control(), &message, NULL) == MESSAGE_UPGRADING;
}

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
            action.sa_handler != SIG_IGN && action.sa_sigaction != handle_reserved_signal)
            return true;
    return false;
}

/*
 * Keep from the program that a system call of its own has been interrupted. One
 * that the kernel makes again does not show. Were it counted, an EINTR of the
 * program's own, later in the same call, would be taken for ours.
 */
static void hide_interruption(void *context)
{
    if (!fails_with_eintr(context) || own_signal_waits(context))
        return;
    order_interruptions++;
    restart_interrupted_call(context);
}

void handle_reserved_signal(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    int order;

    if (!session.active || !own_state()) /* sandbox.c: on its way into one */
        return;
    if (number == ORDER_SIGNAL) {
        order = info->si_code == SI_QUEUE
                    ? order_of_value((uint32_t)info->si_value.sival_int, session.generation)
                    : 0;
        if (order) {
            forget_interruption(context);
            carry_out(order);
            hide_interruption(context);
        } else {
            deliver_to_program(number, info, context);
        }
    } else if (helper_takes_signal(info)) {
        forget_interruption(context);
        hide_interruption(context);
    } else {
        deliver_to_program(number, info, context);
    }
    errno = saved;
}

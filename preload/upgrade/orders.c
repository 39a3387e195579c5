/*
 * A signal handler is the one way into a program that we cannot change. All
 * that it calls is async-signal-safe, keeps errno, and does nothing in the
 * child of a vfork.
 */
#include "orders.h"

#include <errno.h>

#include "collect.h"
#include "pending_locks.h"
#include "preload/kernel/kernel.h"
#include "preload/process/descriptor_limit.h"
#include "preload/process/process.h"
#include "preload/signals/deliver.h"
#include "preload/signals/interruption.h"
#include "preload/signals/restart.h"
#include "preload/signals/upgrade_signal.h"
#include "report.h"
#include "retire.h"
#include "take_back.h"

static void carry_out(int order)
{
    struct kernel_limit limit;
    bool lifted;

    if (order == ORDER_WAKE) /* has done its work by interrupting a system call */
        return;
    lifted = lift_descriptor_limit(&limit);
    if (order == ORDER_COLLECT)
        send_listeners(true);
    else if (order == ORDER_COPY)
        send_listeners(false);
    else if (order == ORDER_RETIRE)
        retire_listeners(false);
    else if (order == ORDER_RESUME)
        resume_listeners();
    else if (order == ORDER_REARM)
        rearm_listeners();
    else if (order == ORDER_COUNT)
        report_sockets(false);
    else if (order == ORDER_COUNT_ON)
        report_sockets(true);
    else if (order == ORDER_TAKE_BACK)
        take_back_listeners();
    else if (order == ORDER_LOCK)
        take_pending_locks();
    if (lifted)
        restore_descriptor_limit(&limit);
}

void handle_reserved_signal(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    int order;

    if (!session.active || !own_state()) /* it is about to enter a sandbox: calls/sandbox.c */
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

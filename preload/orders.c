/*
 * A signal handler is the one way into a program that we cannot change. All
 * that it calls is async-signal-safe, keeps errno, and does nothing in the
 * child of a vfork.
 */
#include "orders.h"

#include <errno.h>
#include <sys/resource.h>

#include "collect.h"
#include "connections.h"
#include "control.h"
#include "kernel.h"
#include "process.h"
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

    if (atomic_flag_test_and_set(&own_state()->limit_lock) ||
        kernel_prlimit(RLIMIT_NOFILE, NULL, limit) == -1)
        return false;
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

/* Whose upgrade signal is it? The helper knows which processes are the server's own. */
static bool helper_takes_signal(const siginfo_t *info)
{
    struct message message = new_message(MESSAGE_UPGRADE);
    int control;
    bool taken;

    if (info->si_code > 0) /* from the kernel: a terminal's hang-up */
        return false;
    control = open_control();
    if (control == -1) /* no helper, no upgrade: the program's own again */
        return false;
    message.sender = info->si_pid;
    taken = send_message(control, &message, -1) == 0 &&
            receive_message(control, &message, NULL, 0) == 0 && message.kind == MESSAGE_UPGRADING;
    kernel_close(control);
    return taken;
}

/*
 * A call that the kernel makes again does not show. Were it counted, an EINTR
 * of the program's own, later in the same call, would be taken for ours.
 */
static void note_interruption(const void *context)
{
    if (fails_with_eintr(context))
        order_interruptions++;
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
            note_interruption(context);
            forget_interruption(context);
            carry_out(order);
            restart_interrupted_call(context);
        } else {
            deliver_to_program(number, info, context);
        }
    } else if (helper_takes_signal(info)) {
        note_interruption(context);
        forget_interruption(context);
        restart_interrupted_call(context);
    } else {
        deliver_to_program(number, info, context);
    }
    errno = saved;
}

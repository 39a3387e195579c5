/*
 * Programs reset every handler, and install their own for SIGHUP after bind(). What
 * they ask for is kept here and answered from here, and the kernel has our handler.
 */
#include "actions.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "masks.h"
#include "preload/kernel/real.h"
#include "preload/process/process.h"
#include "reserved.h"

/*
 * What the program last asked for, per reserved signal. Two copies, and the
 * index of the one in force: a handler that interrupts a change reads a whole
 * one.
 */
static struct {
    struct sigaction copy[2];
    atomic_int current;
} wanted[RESERVED];

/* orders.c has it, which stands above: so the constructor names it. */
static signal_handler *our_handler;

void set_signal_handler(signal_handler *handler)
{
    our_handler = handler;
}

bool is_our_action(const struct sigaction *action)
{
    return our_handler && action->sa_sigaction == our_handler;
}

const struct sigaction *program_action(int index)
{
    return &wanted[index].copy[atomic_load(&wanted[index].current)];
}

void remember_action(int index, const struct sigaction *action)
{
    int next = 1 - wanted[index].current;

    wanted[index].copy[next] = *action;
    atomic_store_explicit(&wanted[index].current, next, memory_order_release);
}

static bool is_handler(void (*handler)(int))
{
    return handler != SIG_DFL && handler != SIG_IGN;
}

/*
 * Does the program want its system calls to end with EINTR? The order signal
 * cannot give it that: blocked calls must restart on what the listener has become.
 */
static bool wants_eintr(int index)
{
    const struct sigaction *theirs = program_action(index);

    return index != ORDER_INDEX && is_handler(theirs->sa_handler) &&
           !(theirs->sa_flags & SA_RESTART);
}

/*
 * Is the Go runtime in this program? It exports this function for C code that calls Go.
 * Without that question an upgrade ends such a program by SIGSEGV: "a thread on a small
 * stack, in a program that has the Go runtime" in tests/adoption.bats.
 */
extern void crosscall2(void) __attribute__((weak));

/*
 * An alternate signal stack may be small, and may be one for all threads
 * (varnish), which is enough for a last message before the program dies, but
 * not for handlers that run beside each other. The stacks of goroutines are
 * smaller still, and each thread of Go has an alternate one that is large.
 */
static int stack_flag(int index)
{
    const struct sigaction *theirs = program_action(index);

    return crosscall2 ? SA_ONSTACK : index == ORDER_INDEX ? 0 : theirs->sa_flags & SA_ONSTACK;
}

static void install(int index)
{
    struct sigaction ours = {.sa_sigaction = our_handler,
                             .sa_flags = SA_SIGINFO | stack_flag(index)};

    if (!wants_eintr(index))
        ours.sa_flags |= SA_RESTART;
    /* sigfillset() leaves out libc's own, and pthread_cancel() would unwind us with our locks */
    memset(&ours.sa_mask, 0xff, sizeof ours.sa_mask);
    real()->sigaction(reserved_number(index), &ours, NULL);
}

void protect_signals(void)
{
    int saved = errno;

    if (!session.active || !own_state() || atomic_exchange(&signals_are_ours, true))
        return;
    for (int index = 0; index < RESERVED; index++) {
        struct sigaction theirs;
        int number = reserved_number(index);

        if (real()->sigaction(number, NULL, &theirs) == -1)
            continue;
        /* another thread's sigaction() may have come first, and left ours */
        if (!is_our_action(&theirs))
            remember_action(index, &theirs);
        install(index);
        unblock_reserved(number);
    }
    errno = saved;
}

/* For orders there stays a handler: by that the helper knows who ought to answer. */
void give_back_signals(void)
{
    if (!signals_are_ours)
        return;
    block_believed();
    for (int index = 0; index < RESERVED; index++) {
        const struct sigaction *theirs = program_action(index);

        if (index != ORDER_INDEX || is_handler(theirs->sa_handler))
            real()->sigaction(reserved_number(index), theirs, NULL);
    }
}

void take_signals_again(void)
{
    if (!signals_are_ours)
        return;
    for (int index = 0; index < RESERVED; index++) {
        install(index);
        unblock_reserved(reserved_number(index));
    }
}

/*
 * The helper sees in /proc/PID/status who catches the order signal, and waits
 * for an answer. A handler of the program's own there does not answer: have ours
 * call it. (haproxy installs one, also in its master, which holds no listener.)
 */
static void keep_order_signal(int index, void (*handler)(int))
{
    if (index == ORDER_INDEX && is_handler(handler))
        protect_signals();
}

int program_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    int index = reserved_index(number);
    struct sigaction before;

    if (action)
        keep_order_signal(index, action->sa_handler);
    /* the child of a vfork has dispositions of its own, and no right to touch our memory */
    if (index == -1 || !signals_are_ours || !own_state()) {
        int result = real()->sigaction(number, action, old);

        if (result == 0 && old && is_our_action(old)) {
            index = number == ORDER_SIGNAL ? ORDER_INDEX : UPGRADE_INDEX;
            *old = *program_action(index);
        }
        return result;
    }
    before = *program_action(index);
    if (action) {
        remember_action(index, action);
        install(index);
    }
    if (old)
        *old = before;
    return 0;
}

/* Bit 0, bit 1: signal() is to set no SA_RESTART any more. glibc keeps that, too; musl does not. */
static atomic_uint interrupting;

int program_siginterrupt(int number, int interrupt)
{
    int index = reserved_index(number);
    struct sigaction action;

    if (index != -1 && interrupt)
        atomic_fetch_or(&interrupting, 1u << index);
    else if (index != -1)
        atomic_fetch_and(&interrupting, ~(1u << index));
    if (index == -1 || !signals_are_ours)
        return real()->siginterrupt(number, interrupt);
    if (program_sigaction(number, NULL, &action) == -1)
        return -1;
    action.sa_flags &= ~SA_RESTART;
    if (!interrupt)
        action.sa_flags |= SA_RESTART;
    return program_sigaction(number, &action, NULL);
}

void (*program_signal(int number, void (*handler)(int)))(int)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction old;
    int index = reserved_index(number);

    keep_order_signal(index, handler);
    if (!signals_are_ours || (index == -1 && number != ORDER_SIGNAL))
        return real()->signal(number, handler); // cppcheck-suppress CastIntegerToAddressAtReturn
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
#ifdef __GLIBC__
    if (index != -1 && interrupting & 1u << index)
        action.sa_flags = 0;
#endif
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, number);
    return program_sigaction(number, &action, &old) == -1 ? SIG_ERR : old.sa_handler;
}

/*
 * Programs block all signals, reset every handler and install their own for
 * SIGHUP after bind(). We keep what they ask for, answer their questions from
 * that, and let the kernel have our version.
 */
#include "signals.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "awaited.h"
#include "kernel.h"
#include "orders.h"
#include "process.h"
#include "real.h"

enum { RESERVED = 2 };

/*
 * What the program last asked for, per reserved signal. Two copies, and the
 * index of the one in force: a handler that interrupts a change reads a whole
 * one.
 */
static struct {
    struct sigaction copy[2];
    atomic_int current;
} wanted[RESERVED];

static atomic_bool installed;

/*
 * Which reserved signals this thread believes to have blocked: bit 0, bit 1. A
 * thread that has not said yet inherits what was said last, as masks are
 * inherited from the thread that creates another.
 */
enum { NOT_SAID = 4 };
static _Thread_local unsigned said_blocked = NOT_SAID;
static atomic_uint last_said;

static unsigned believed_blocked(void)
{
    return said_blocked == NOT_SAID ? atomic_load(&last_said) : said_blocked;
}

static void believe_blocked(unsigned bits)
{
    said_blocked = bits;
    atomic_store(&last_said, bits);
}

static int reserved_number(int index)
{
    return index == 0 ? ORDER_SIGNAL : session.upgrade_signal;
}

/* 0 for the order signal, 1 for the upgrade signal, -1 for one that is none of our business. */
static int reserved_index(int number)
{
    if (!session.active)
        return -1;
    return number == ORDER_SIGNAL ? 0 : number == session.upgrade_signal ? 1 : -1;
}

static void remember(int index, const struct sigaction *action)
{
    int next = 1 - wanted[index].current;

    wanted[index].copy[next] = *action;
    atomic_store_explicit(&wanted[index].current, next, memory_order_release);
}

static void unblock(int number)
{
    sigset_t set;
    sigset_t old;

    sigemptyset(&set);
    sigemptyset(&old);
    sigaddset(&set, number);
    kernel_sigmask(SIG_UNBLOCK, &set, &old);
    if (sigismember(&old, number) == 1)
        believe_blocked(believed_blocked() | (number == ORDER_SIGNAL ? 1u : 2u));
}

void unblock_order_signal(void)
{
    unblock(ORDER_SIGNAL);
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
    const struct sigaction *theirs = &wanted[index].copy[wanted[index].current];

    return index != 0 && is_handler(theirs->sa_handler) && !(theirs->sa_flags & SA_RESTART);
}

/* Is the Go runtime in this program? It exports this function for C code that calls Go. */
extern void crosscall2(void) __attribute__((weak));

/*
 * An alternate signal stack may be small, and may be one for all threads
 * (varnish), which is enough for a last message before the program dies, but
 * not for handlers that run beside each other. The stacks of goroutines are
 * smaller still, and each thread of Go has an alternate one that is large.
 */
static int stack_flag(int index)
{
    const struct sigaction *theirs = &wanted[index].copy[wanted[index].current];

    return crosscall2 ? SA_ONSTACK : index == 0 ? 0 : theirs->sa_flags & SA_ONSTACK;
}

static void install(int index)
{
    struct sigaction ours = {.sa_sigaction = handle_reserved_signal,
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

    if (!session.active || !own_state() || atomic_exchange(&installed, true))
        return;
    for (int index = 0; index < RESERVED; index++) {
        struct sigaction theirs;
        int number = reserved_number(index);

        if (real()->sigaction(number, NULL, &theirs) == -1)
            continue;
        /* another thread's sigaction() may have come first, and left ours */
        if (theirs.sa_sigaction != handle_reserved_signal)
            remember(index, &theirs);
        install(index);
        unblock(number);
    }
    errno = saved;
}

/* For orders there stays a handler: by that the helper knows who ought to answer. */
void give_back_signals(void)
{
    sigset_t set;

    if (!installed)
        return;
    sigemptyset(&set);
    for (int index = 0; index < RESERVED; index++)
        if (believed_blocked() & 1u << index)
            sigaddset(&set, reserved_number(index));
    kernel_sigmask(SIG_BLOCK, &set, NULL);
    for (int index = 0; index < RESERVED; index++) {
        const struct sigaction *theirs = &wanted[index].copy[wanted[index].current];

        if (index != 0 || is_handler(theirs->sa_handler))
            real()->sigaction(reserved_number(index), theirs, NULL);
    }
}

void take_signals_again(void)
{
    if (!installed)
        return;
    for (int index = 0; index < RESERVED; index++) {
        install(index);
        unblock(reserved_number(index));
    }
}

const sigset_t *without_reserved(const sigset_t *set, sigset_t *copy)
{
    if (!set || !session.active)
        return set;
    *copy = *set;
    sigdelset(copy, ORDER_SIGNAL);
    if (installed)
        sigdelset(copy, session.upgrade_signal);
    return copy;
}

/*
 * The helper sees in /proc/PID/status who catches the order signal, and waits
 * for an answer. A handler of the program's own there does not answer: have ours
 * call it. (haproxy installs one, also in its master, which holds no listener.)
 */
static void keep_order_signal(int index, void (*handler)(int))
{
    if (index == 0 && is_handler(handler))
        protect_signals();
}

int program_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    int index = reserved_index(number);
    struct sigaction before;

    if (action)
        keep_order_signal(index, action->sa_handler);
    /* the child of a vfork has dispositions of its own, and no right to touch our memory */
    if (index == -1 || !installed || !own_state()) {
        int result = real()->sigaction(number, action, old);

        if (result == 0 && old && old->sa_sigaction == handle_reserved_signal) {
            index = number == ORDER_SIGNAL ? 0 : 1;
            *old = wanted[index].copy[wanted[index].current];
        }
        return result;
    }
    before = wanted[index].copy[wanted[index].current];
    if (action) {
        remember(index, action);
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
    if (index == -1 || !installed)
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
    if (!installed || (index == -1 && number != ORDER_SIGNAL))
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

/* Which reserved signals `set` has, as bits. */
static unsigned reserved_in(const sigset_t *set)
{
    unsigned bits = sigismember(set, ORDER_SIGNAL) == 1 ? 1u : 0u;

    if (installed && sigismember(set, session.upgrade_signal) == 1)
        bits |= 2u;
    return bits;
}

const sigset_t *set_to_await(const sigset_t *set, sigset_t *copy)
{
    bool awaited = set && session.active && sigismember(set, session.upgrade_signal) == 1;

    set = without_reserved(set, copy);
    if (awaited) {
        sigaddset(copy, session.upgrade_signal);
        await_upgrade_signal();
    }
    return set;
}

bool is_upgrade_request(int number, siginfo_t *info)
{
    int saved = errno;
    bool is =
        installed && reserved_index(number) == 1 && !was_left(info) && helper_takes_signal(info);

    errno = saved;
    return is;
}

int program_signalfd(int fd, const sigset_t *mask, int flags)
{
    sigset_t copy;
    int result = real()->signalfd(fd, without_reserved(mask, &copy), flags);

    if (result != -1 && session.active && sigismember(mask, session.upgrade_signal) == 1)
        await_on_signalfd(result, &copy);
    return result;
}

static void believe(int how, unsigned bits)
{
    if (how == SIG_BLOCK)
        bits |= believed_blocked();
    else if (how == SIG_UNBLOCK)
        bits = believed_blocked() & ~bits;
    believe_blocked(bits);
}

int program_sigmask(int (*set_mask)(int, const sigset_t *, sigset_t *), int how,
                    const sigset_t *set, sigset_t *old)
{
    unsigned bits = set && session.active ? reserved_in(set) : 0;
    unsigned before = believed_blocked();
    sigset_t copy;
    int result;

    if (!session.active)
        return set_mask(how, set, old);
    result = set_mask(how, how == SIG_UNBLOCK ? set : without_reserved(set, &copy), old);
    if (result != 0)
        return result;
    if (old)
        for (int index = 0; index < RESERVED; index++)
            if (before & 1u << index)
                sigaddset(old, reserved_number(index));
    if (set && (bits || before) && own_state())
        believe(how, bits);
    return 0;
}

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

void deliver_to_program(int number, siginfo_t *info, void *context)
{
    int index = reserved_index(number);
    struct sigaction action;
    sigset_t mask = ((ucontext_t *)context)->uc_sigmask;

    if (index == -1 || (index == 1 && believed_blocked() & 2u && leave_to_waiter(info, context)))
        return;
    action = wanted[index].copy[atomic_load(&wanted[index].current)];
    if (action.sa_handler == SIG_IGN)
        return;
    if (action.sa_handler == SIG_DFL) {
        if (!ignored_by_default(number))
            die_of(number);
        return;
    }
    if (action.sa_flags & SA_RESETHAND) {
        struct sigaction reset = action; /* the kernel keeps mask and flags, too */

        reset.sa_handler = SIG_DFL;
        remember(index, &reset);
    }
    /* ours runs with everything blocked; theirs is to find the mask that it asked for */
    for (int other = 1; other < NSIG; other++)
        if (sigismember(&action.sa_mask, other) == 1)
            sigaddset(&mask, other);
    if (!(action.sa_flags & SA_NODEFER))
        sigaddset(&mask, number);
    kernel_sigmask(SIG_SETMASK, &mask, NULL);
    if (action.sa_flags & SA_SIGINFO)
        action.sa_sigaction(number, info, context);
    else
        action.sa_handler(number);
}

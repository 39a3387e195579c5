/*
 * Programs block all signals and wait for one with sigwait(). The kernel gets a mask
 * without ours; what a thread has asked for is kept, so that it reads that.
 */
#include "masks.h"

#include <stdatomic.h>

#include "preload/kernel/kernel.h"
#include "preload/process/process.h"
#include "reserved.h"

/*
 * Which reserved signals this thread believes to have blocked: bit 0, bit 1. A
 * thread that has not said yet inherits what was said last, as masks are
 * inherited from the thread that creates another.
 */
enum { NOT_SAID = 4 };
static _Thread_local unsigned said_blocked = NOT_SAID;
static atomic_uint last_said;

unsigned believed_blocked(void)
{
    return said_blocked == NOT_SAID ? atomic_load(&last_said) : said_blocked;
}

static void believe_blocked(unsigned bits)
{
    said_blocked = bits;
    atomic_store(&last_said, bits);
}

void unblock_reserved(int number)
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

void block_believed(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (int index = 0; index < RESERVED; index++)
        if (believed_blocked() & 1u << index)
            sigaddset(&set, reserved_number(index));
    kernel_sigmask(SIG_BLOCK, &set, NULL);
}

const sigset_t *without_reserved(const sigset_t *set, sigset_t *copy)
{
    if (!set || !session.active)
        return set;
    *copy = *set;
    sigdelset(copy, ORDER_SIGNAL);
    if (signals_are_ours)
        sigdelset(copy, session.upgrade_signal);
    return copy;
}

/* Which reserved signals `set` has, as bits. */
static unsigned reserved_in(const sigset_t *set)
{
    unsigned bits = sigismember(set, ORDER_SIGNAL) == 1 ? 1u : 0u;

    if (signals_are_ours && sigismember(set, session.upgrade_signal) == 1)
        bits |= 2u;
    return bits;
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

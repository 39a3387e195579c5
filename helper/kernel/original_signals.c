#include "original_signals.h"

#include <stddef.h>
#include <stdint.h>

#include "helper/base/carry.h"
#include "impatience.h"

static sigset_t original_mask;
static struct sigaction original_on_child;
static struct sigaction original_on_interruption;

void remember_signals(const sigset_t *mask, const struct sigaction *on_child,
                      const struct sigaction *on_interruption)
{
    original_mask = *mask;
    original_on_child = *on_child;
    original_on_interruption = *on_interruption;
}

void restore_signals(void)
{
    sigaction(SIGCHLD, &original_on_child, NULL);
    sigaction(INTERRUPTING_SIGNAL, &original_on_interruption, NULL);
    sigprocmask(SIG_SETMASK, &original_mask, NULL);
}

/* Bit N - 1 for signal N, but for those that libc keeps for itself, and lets nobody block. */
static uint64_t bits_of(const sigset_t *set)
{
    uint64_t bits = 0;
    sigset_t possible;

    sigemptyset(&possible);
    for (int number = 1; number < NSIG && number <= 64; number++)
        if (sigismember(set, number) == 1 && sigaddset(&possible, number) == 0)
            bits |= UINT64_C(1) << (number - 1);
    return bits;
}

static void set_bits(sigset_t *set, uint64_t bits)
{
    sigemptyset(set);
    for (int number = 1; number < NSIG && number <= 64; number++)
        if (bits >> (number - 1) & 1)
            sigaddset(set, number);
}

/* A program that has just been executed had no handler: execve(2). */
static void carry_ignored(struct carrier *carrier, const char *name, struct sigaction *action)
{
    action->sa_handler =
        carry_bool(carrier, name, action->sa_handler == SIG_IGN) ? SIG_IGN : SIG_DFL;
}

void carry_signals(struct carrier *carrier)
{
    uint64_t bits = bits_of(&original_mask);

    carry_bytes(carrier, "signals-blocked", &bits, sizeof bits);
    if (is_reading(carrier))
        set_bits(&original_mask, bits);
    if (bits_of(&original_mask) != bits)
        refuse_carried(carrier, "there is a signal in the mask that nobody can block");
    carry_ignored(carrier, "child-ignored", &original_on_child);
    carry_ignored(carrier, "interruption-ignored", &original_on_interruption);
}

/*
 * Whose is an upgrade signal that a process of the server gets? The helper knows which
 * processes are the server's own, and what it does not take is the program's.
 *
 * A program may block the signal everywhere, and one thread takes it with sigwait()
 * or from a signalfd. To the kernel it is not blocked, so that an upgrade can be
 * asked of any process. What the handler then finds to be the program's own is
 * queued again for that thread, and is blocked there from then on.
 */
#include "upgrade_signal.h"

#include <errno.h>
#include <stdatomic.h>
#include <ucontext.h>

#include "masks.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/process/control.h"
#include "preload/process/process.h"
#include "reserved.h"

/*
 * Added to the si_code of a signal that is queued again for the thread that waits, so
 * that it is known there to be the program's own. It stays negative, as a process may
 * send it: rt_tgsigqueueinfo(2).
 */
enum { LEFT = -0x10000 };

static atomic_int
    waiter; /* a thread. That of a parent process is no thread here, and gets nothing. */

/*
 * The program's signalfd. The upgrade signal is left out of its set, or it would take
 * requests that are the helper's, until there is one of the program's own to read.
 */
static struct {
    int fd;
    sigset_t set;
} descriptor = {.fd = -1};

static void await_upgrade_signal(void)
{
    atomic_store(&waiter, kernel_gettid());
}

static void await_on_signalfd(int fd, const sigset_t *set)
{
    descriptor.set = *set;
    sigaddset(&descriptor.set, session.upgrade_signal);
    descriptor.fd = fd;
    await_upgrade_signal();
}

bool leave_to_waiter(const siginfo_t *info, void *context)
{
    siginfo_t left = *info;
    pid_t thread = atomic_load(&waiter);

    if (thread == 0)
        return false;
    if (left.si_code > LEFT / 2)
        left.si_code += LEFT;
    if (thread == kernel_gettid())
        sigaddset(&((ucontext_t *)context)->uc_sigmask, session.upgrade_signal);
    if (descriptor.fd != -1)
        syscall(SYS_signalfd4, descriptor.fd, &descriptor.set, (size_t)KERNEL_SIGSET_BYTES, 0);
    return syscall(SYS_rt_tgsigqueueinfo, kernel_getpid(), thread, session.upgrade_signal, &left) ==
           0;
}

static bool was_left(siginfo_t *info)
{
    if (info->si_code > LEFT / 2)
        return false;
    info->si_code -= LEFT;
    return true;
}

/* The helper knows which processes are the server's own. */
bool helper_takes_signal(const siginfo_t *info)
{
    struct message message = new_message(MESSAGE_UPGRADE);

    /* not the kernel's, as for a terminal's hang-up, nor that of a timer, which has no sender */
    if (info->si_code != SI_USER && info->si_code != SI_TKILL && info->si_code != SI_QUEUE)
        return false;
    message.pid = info->si_pid;
    /* no helper, no upgrade: the program's own again */
    return ask_helper(open_control(), &message, NULL) == ANSWER_UPGRADING;
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
    bool is = signals_are_ours && reserved_index(number) == UPGRADE_INDEX && !was_left(info) &&
              helper_takes_signal(info);

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

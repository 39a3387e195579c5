/*
 * A program may block the upgrade signal everywhere, and one thread takes it with
 * sigwait() or from a signalfd. To the kernel it is not blocked, so that an upgrade
 * can be asked of any process. What the handler then finds to be the program's own
 * is queued again for that thread, and is blocked there from then on.
 */
#include "awaited.h"

#include <stdatomic.h>
#include <ucontext.h>

#include "kernel.h"
#include "process.h"

/* Added to si_code, so that nobody asks again whose it is. Such codes a process may send:
 * sigqueue(3). */
enum { LEFT = -0x10000 };

static atomic_int waiter; /* a thread; one of a parent is none of this process */

/* Without the upgrade signal until there is one to read, which is not to look like a request. */
static struct {
    int fd;
    sigset_t set;
} descriptor = {.fd = -1};

void await_upgrade_signal(void)
{
    atomic_store(&waiter, kernel_gettid());
}

void await_on_signalfd(int fd, const sigset_t *set)
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

bool was_left(siginfo_t *info)
{
    if (info->si_code > LEFT / 2)
        return false;
    info->si_code -= LEFT;
    return true;
}

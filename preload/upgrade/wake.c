/*
 * A system call goes on with the socket that it began with, whatever becomes of
 * the number. A signal ends it, and makes it begin again.
 */
#include "wake.h"

#include <errno.h>
#include <linux/net.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/proc_text.h"
#include "preload/kernel/procfs.h"
#include "preload/process/process.h"
#include "preload/process/scan.h"

struct waker {
    const struct scan *scan;
    int proc;
    int self;
    bool polling; /* those that wait in poll() or select(), too */
};

/* The system calls in which a thread may wait on what has been replaced. */
static bool takes_clients(long number)
{
    static const uint16_t calls[] = {
#ifdef SYS_accept
        SYS_accept,
#endif
#ifdef SYS_recvmmsg_time64
        SYS_recvmmsg_time64,
#endif
        SYS_accept4,         SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_read, SYS_readv,
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == number)
            return true;
    return false;
}

static bool read_call(const char *line, void *call)
{
    if (!parse_system_call(line, call))
        ((struct system_call *)call)->running = true;
    return false;
}

/*
 * On some architectures all calls about sockets were one at first, and some libcs still make them
 * so: socketcall(2), whose first argument says which. The descriptor is in the program's memory,
 * and not looked at: a call that is begun again for nothing does no harm.
 */
static bool may_take_clients_by_socketcall(const struct system_call *call)
{
#ifdef SYS_socketcall
    static const uint8_t kinds[] = {SYS_ACCEPT,  SYS_RECV,    SYS_RECVFROM,
                                    SYS_RECVMSG, SYS_ACCEPT4, SYS_RECVMMSG};

    for (size_t i = 0; call->number == SYS_socketcall && i < sizeof kinds; i++)
        if (call->descriptor == kinds[i])
            return true;
#endif
    (void)call;
    return false;
}

/* epoll sets are looked after by their registrations; these calls keep the sockets they began with.
 */
static bool polls(long number)
{
    static const uint16_t calls[] = {
#ifdef SYS_poll
        SYS_poll,
#endif
#ifdef SYS_select
        SYS_select,
#endif
#ifdef SYS__newselect /* where select() has another one, of which SYS_select is older */
        SYS__newselect,
#endif
#ifdef SYS_ppoll_time64
        SYS_ppoll_time64, SYS_pselect6_time64,
#endif
        SYS_ppoll,        SYS_pselect6,
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == number)
            return true;
    return false;
}

/*
 * Does this thread wait in accept() or a receive on what is retired? One that runs may
 * be on its way into accept() with the old socket in hand; and where we may not look
 * (a process that has changed its uid), every thread is taken for such a one.
 */
static bool may_be_accepting(const struct waker *waker, int thread)
{
    char path[64];
    struct system_call call = {.running = true};

    if (for_each_line(waker->proc, proc_path(path, "task/", thread, "/syscall"), read_call,
                      &call) == -1)
        return !is_gone(errno);
    if (call.running)
        return true;
    if (waker->polling && polls(call.number))
        return true;
    if (may_take_clients_by_socketcall(&call))
        return true;
    return takes_clients(call.number) && find_found(waker->scan, call.descriptor);
}

/* SA_RESTART makes the interrupted accept() look its descriptor number up again: signal(7). */
static bool wake_if_accepting(int thread, void *argument)
{
    const struct waker *waker = argument;
    siginfo_t info;

    if (thread == waker->self || !may_be_accepting(waker, thread))
        return true;
    memset(&info, 0, sizeof info);
    info.si_signo = ORDER_SIGNAL;
    info.si_code = SI_QUEUE;
    info.si_pid = kernel_getpid();
    info.si_value.sival_int = (int)order_value(ORDER_WAKE, session.generation);
    syscall(SYS_rt_tgsigqueueinfo, kernel_getpid(), thread, ORDER_SIGNAL, &info);
    return true;
}

int wake_accepting_threads(const struct scan *scan, int proc)
{
    struct waker waker = {scan, proc, kernel_gettid(), false};

    return for_each_number(proc, "task", wake_if_accepting, &waker);
}

int wake_waiting_threads(const struct scan *scan, int proc)
{
    struct waker waker = {scan, proc, kernel_gettid(), true};

    return for_each_number(proc, "task", wake_if_accepting, &waker);
}

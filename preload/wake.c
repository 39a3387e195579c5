/*
 * A system call goes on with the socket that it began with, whatever becomes of
 * the number. A signal ends it, and makes it begin again.
 */
#include "wake.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "descriptors.h"
#include "kernel.h"
#include "process.h"
#include "procfs.h"

struct waker {
    const struct survey *survey;
    int proc;
    int self;
};

static bool first_line(const char *line, void *copy)
{
    strncpy(copy, line, 63);
    return false;
}

/* The system calls in which a thread may wait on what has been replaced. */
static bool takes_clients(long number)
{
    static const uint16_t calls[] = {
#ifdef SYS_accept
        SYS_accept,
#endif
        SYS_accept4, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_read, SYS_readv,
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == number)
            return true;
    return false;
}

/*
 * Does this thread wait in accept() or a receive on what is retired? proc(5) syscall says
 * number and arguments, or "running": that may be a thread on its way into
 * accept() with the old socket in hand. Where we may not look (a process that
 * has changed its uid), every thread is taken for one.
 */
static bool may_be_accepting(const struct waker *waker, int thread)
{
    char path[64];
    char line[64] = "";
    const char *at = line;
    unsigned long long number;
    unsigned long long fd;

    if (for_each_line(waker->proc, proc_path(path, "task/", thread, "/syscall"), first_line,
                      line) == -1 ||
        strncmp(line, "running", 7) == 0)
        return true;
    number = parse_number(&at, 10);
    if (!takes_clients((long)number))
        return false;
    at += strspn(at, " 0");
    at += *at == 'x';
    fd = parse_number(&at, 16);
    for (unsigned i = 0; i < waker->survey->sockets; i++)
        if ((unsigned long long)waker->survey->socket[i].fd == fd)
            return true;
    return false;
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

int wake_accepting_threads(const struct survey *survey, int proc)
{
    struct waker waker = {survey, proc, kernel_gettid()};

    return for_each_number(proc, "task", wake_if_accepting, &waker);
}

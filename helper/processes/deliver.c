/*
 * A pid is a number that the kernel gives to somebody else when its process has been reaped. So a
 * descriptor of the process is opened first, then it is asked for its start: if that is the one we
 * know, the descriptor is of our process, and the signal goes through it. Before Linux 5.3 there is
 * no such descriptor, and for one thread none before 6.9: then the start is compared right before.
 * What remains there is a process that ends and is reaped, and a pid that comes round, between two
 * system calls.
 */
#include "deliver.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/kernel/procfile.h"
#include "read_member.h"

static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
#else
    errno = ENOSYS;
    return -1;
#endif
}

static bool send_through(int pidfd, int number, siginfo_t *info)
{
#ifdef SYS_pidfd_send_signal
    return syscall(SYS_pidfd_send_signal, pidfd, number, info, 0) == 0;
#else
    return false;
#endif
}

/* The pid of a child is nobody else's until we have waited for it. */
static bool is_child(pid_t pid)
{
    siginfo_t info;

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Where its start cannot be looked at, a child is still one. */
static bool is_same(const struct member *member)
{
    struct proc_stat stat;
    enum lookup found = read_stat(member->pid, &stat);

    if (found == CANNOT_TELL || member->started == 0)
        return is_child(member->pid);
    return found == IS_THERE && stat.started == member->started;
}

/* `info`: NULL as for kill(2). */
static bool deliver(const struct member *member, pid_t thread, int number, siginfo_t *info)
{
    int pidfd = open_pidfd(member->pid);
    bool sent = false;

    if (!is_same(member))
        sent = false;
    else if (thread != 0)
        sent = syscall(SYS_rt_tgsigqueueinfo, member->pid, thread, number, info) == 0;
    else if (pidfd != -1 && send_through(pidfd, number, info))
        sent = true;
    else if (pidfd == -1 || errno == ENOSYS) /* denied by a filter, or no descriptor is left */
        sent =
            (info ? sigqueue(member->pid, number, info->si_value) : kill(member->pid, number)) == 0;
    if (pidfd != -1)
        close(pidfd);
    return sent;
}

bool signal_member(const struct member *member, int number)
{
    return deliver(member, 0, number, NULL);
}

bool queue_to_member(const struct member *member, pid_t thread, int number, union sigval value)
{
    siginfo_t info;

    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value = value;
    return deliver(member, thread, number, &info);
}

/*
 * A daemon is told to end, and ends the process that its pid file names, which is its
 * successor by now. Or it starts, finds a live process there, its predecessor, and gives
 * up. Which generation a process belongs to is for the helper to say.
 *
 * Some servers signal their own processes for each request. So whoever was found to be no
 * other generation's is remembered, by its pid: should that be given to another process
 * meanwhile, it is signalled as it would be without us.
 */
#include "processes.h"

#include <errno.h>
#include <sys/wait.h>

#include "preload/kernel/kernel.h"
#include "preload/process/control.h"
#include "preload/process/process.h"

static bool is_of_another_generation(pid_t target)
{
    struct message message = new_message(MESSAGE_SIGNAL);

    message.pid = target;
    return ask_helper(open_control(), &message, NULL) == ANSWER_HIDDEN_PROCESS;
}

static bool hides(pid_t target)
{
    struct own_state *own = own_state();
    atomic_int *known = own ? &own->known[(unsigned)target % KNOWN_PROCESSES] : NULL;

    if (known && atomic_load(known) == target)
        return false;
    if (is_of_another_generation(target))
        return true;
    if (known)
        atomic_store(known, target);
    return false;
}

/* What a process has forked itself is of its own generation: sshd signals a child each time. */
static bool is_own_child(pid_t target)
{
    siginfo_t info;

    return syscall(SYS_waitid, P_PID, target, &info, WEXITED | WNOHANG | WNOWAIT, NULL) == 0;
}

bool is_hidden_process(pid_t target)
{
    int saved = errno;
    bool hidden = session.active && target > 1 && target != kernel_getpid() &&
                  target != getppid() && target != session.helper && !is_own_child(target) &&
                  hides(target);

    errno = saved;
    return hidden;
}

int no_such_process(void)
{
    errno = ESRCH;
    return -1;
}

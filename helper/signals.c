/*
 * The upgrade signal is ours, SIGCHLD tells of ends, and everything else that
 * somebody sends to the pid that the user knows was meant for the server.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "end.h"
#include "family.h"
#include "generation.h"
#include "handover.h"
#include "log.h"
#include "settings.h"
#include "start.h"
#include "story.h"
#include "tools.h"
#include "upgrade.h"

int open_signals(void)
{
    /* An ignored SIGCHLD reaps children by itself, and we would never learn how they ended. */
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    struct sigaction on_child;
    sigset_t mask;
    sigset_t all;

    sigfillset(&all);
    /* faults of the helper's own must still end it */
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigprocmask(SIG_SETMASK, &all, &mask);
    sigaction(SIGCHLD, &by_default, &on_child);
    remember_signals(&mask, &on_child);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

void processes_ended(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (tool_ended(pid, status))
            continue;
        for (struct generation *g = generations; g; g = g->older)
            if (g->first == pid && !g->exited) {
                g->exited = true;
                g->wait_status = status;
                happen(g, EXITED);
                break;
            }
    }
    /* an end may leave orphans, or nobody */
    look_at_family();
    watch_foreign_members();
    for (struct generation *g = generations; g; g = g->older)
        if (g->exited && g->state != GONE && count_members(g->number) == 0)
            happen(g, EMPTY);
}

static bool asks_to_end(int number)
{
    return number == SIGTERM || number == SIGINT || number == SIGQUIT ||
           number == settings.stop_signal;
}

static void signal_process(pid_t pid, const struct signalfd_siginfo *info)
{
    union sigval value = {.sival_ptr = (void *)(uintptr_t)info->ssi_ptr};

    log_line(LEVEL_DEBUG, "signal %u is passed on to process %d", info->ssi_signo, pid);
    if (info->ssi_code == SI_QUEUE)
        sigqueue(pid, (int)info->ssi_signo, value);
    else
        kill(pid, (int)info->ssi_signo);
}

/* To the first process; of a daemon, whose first has ended, to those on top. */
static void signal_server(const struct generation *target, const struct signalfd_siginfo *info)
{
    const struct family *family;

    if (!target->exited) {
        if (target->first)
            signal_process(target->first, info);
        return;
    }
    family = look_at_family();
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == target->number &&
            !find_member(family->member[i].parent))
            signal_process(family->member[i].pid, info);
}

/*
 * A terminal (SI_KERNEL) signals its whole foreground group, the server in it.
 * Its hang-up goes to the leader of the session alone (credentials(7)): if that
 * is us, it was meant for the server.
 */
static bool server_has_it(const struct signalfd_siginfo *info)
{
    return info->ssi_code == SI_KERNEL && !(info->ssi_signo == SIGHUP && getsid(0) == getpid());
}

/* Everything else that somebody sends to the pid that the user knows was meant for the server. */
static void pass_on(const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    const struct generation *target = current ? current : generations;

    if (asks_to_end(number)) {
        tell_ending();
        expect_end();
        abandon_upgrades();
    }
    if (target && !server_has_it(info))
        signal_server(target, info);
    /* a shell's job control: we must stop for it to see that its job has */
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        raise(SIGSTOP);
}

void read_signals(int fd)
{
    struct signalfd_siginfo info;
    bool child = false;

    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;

        if (number == SIGCHLD)
            child = true;
        else if (number == settings.upgrade_signal && info.ssi_code != SI_KERNEL)
            request_upgrade();
        else if (number != SIGURG && number != SIGPIPE)
            pass_on(&info);
    }
    if (child)
        processes_ended();
}

/*
 * The upgrade signal is ours, SIGCHLD tells of ends, and everything else that
 * somebody sends to the pid that the user knows was meant for the server.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/signal_names.h"
#include "helper/generation/generation.h"
#include "helper/kernel/impatience.h"
#include "helper/kernel/original_signals.h"
#include "helper/lifecycle/exits.h"
#include "helper/lifecycle/shutdown.h"
#include "helper/lifecycle/signalling.h"
#include "helper/lifecycle/takeover.h"
#include "helper/lifecycle/upgrade.h"
#include "helper/processes/asker.h"
#include "helper/settings/settings.h"

static void fill_with_ours(sigset_t *set)
{
    sigfillset(set);
    /* faults of the helper's own must still end it */
    sigdelset(set, SIGSEGV);
    sigdelset(set, SIGBUS);
    sigdelset(set, SIGFPE);
    sigdelset(set, SIGILL);
    sigdelset(set, SIGABRT);
    sigdelset(set, INTERRUPTING_SIGNAL);
}

int open_signals(void)
{
    /* An ignored SIGCHLD reaps children by itself, and we would never learn how they ended. */
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    struct sigaction on_child;
    struct sigaction on_interruption;
    sigset_t mask;
    sigset_t all;

    fill_with_ours(&all);
    sigaction(SIGCHLD, &by_default, &on_child);
    sigaction(INTERRUPTING_SIGNAL, NULL, &on_interruption);
    sigprocmask(SIG_SETMASK, &all, &mask);
    remember_signals(&mask, &on_child, &on_interruption);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int reopen_signals(void)
{
    sigset_t all;

    fill_with_ours(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
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

static struct passed_signal passed_of(const struct signalfd_siginfo *info)
{
    return (struct passed_signal){.number = (int)info->ssi_signo,
                                  .queued = info->ssi_code == SI_QUEUE,
                                  .value.sival_ptr = (void *)(uintptr_t)info->ssi_ptr};
}

static void write_sender(char text[ASKER_TEXT], const struct signalfd_siginfo *info)
{
    if (info->ssi_code == SI_KERNEL)
        snprintf(text, ASKER_TEXT, "SIG%s of the terminal", name_of_signal((int)info->ssi_signo));
    else
        write_signaller(text, (int)info->ssi_signo, (pid_t)info->ssi_pid, (int)info->ssi_uid);
}

static void upgrade_by(const struct signalfd_siginfo *info)
{
    char sender[ASKER_TEXT];

    write_sender(sender, info);
    request_upgrade_by_signal(sender);
}

/* Everything else that somebody sends to the pid that the user knows was meant for the server. */
static void pass_on(const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    struct generation *target = current ? current : generations;
    char sender[ASKER_TEXT];

    write_sender(sender, info);
    if (is_taking_over()) { /* who runs already is not meant, and who starts is not the service yet
                             */
        if (ends_service(number))
            call_takeover_off(sender);
        return;
    }
    if (ends_service(number))
        told_to_end(sender);
    if (ends_service(number) && target && is_put_off(target->state)) {
        happen(target, END); /* but of the one before it there may be some */
        target = target->older;
    }
    if (target && !server_has_it(info))
        signal_generation(target, passed_of(info));
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
            upgrade_by(&info);
        else if (number != SIGURG)
            pass_on(&info);
    }
    if (child)
        processes_ended();
}

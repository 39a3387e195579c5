#include "bare_parent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/kernel/proc_text.h"
#include "helper/kernel/procfile.h"
#include "helper/lifecycle/ending.h"
#include "helper/settings/settings.h"

static void pass_on(int number)
{
    char name[64];
    const char *children;
    pid_t child;

    snprintf(name, sizeof name, "task/%d/children", getpid());
    children = read_proc_file(getpid(), name, NULL);
    while (children && next_child(&children, &child))
        kill(child, number);
}

/* Ends with the last of them. Of several that have ended, the one that failed says more. */
static void reap(void)
{
    static int last;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (status != 0)
            last = status;
    if (pid == 0)
        return;
    begin_ending(last);
    end_like_the_server();
}

void be_a_bare_parent(void)
{
    sigset_t all;
    int number;

    log_line(LEVEL_ERROR, "no tfhelper can go on: the server runs on without upgrades");
    sigfillset(&all);
    for (;;) {
        reap();
        if (sigwait(&all, &number) != 0)
            continue;
        if (number == settings.upgrade_signal)
            log_line(LEVEL_ERROR, "there is no upgrade any more: no tfhelper could go on");
        else if (number != SIGCHLD)
            pass_on(number);
    }
}

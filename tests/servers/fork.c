/*
 * A process for each client; the parent only accepts. As in many old servers, the child does
 * not close the listener it inherits, and dead children are reaped in the SIGCHLD handler.
 */
#include "common.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap_children(int signal)
{
    int saved_errno = errno;

    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = saved_errno;
}

/* With one listener a plain blocking accept() does the waiting, as it would in a small server. */
static int choose_listener(const struct listeners *listeners)
{
    struct pollfd waits[MAX_LISTENERS];
    int i;

    if (listeners->count == 1)
        return listeners->fd[0];
    for (i = 0; i < listeners->count; i++)
        waits[i] = (struct pollfd){.fd = listeners->fd[i], .events = POLLIN};
    while (poll(waits, (nfds_t)listeners->count, -1) <= 0)
        ;
    for (i = 0; waits[i].revents == 0; i++)
        ;
    return listeners->fd[i];
}

/* A child goes when its parent goes: the operator who stops the server means all of it. */
static _Noreturn void serve_as_child(int client, pid_t parent)
{
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        serve_client(client);
    _exit(0);
}

int main(int argc, char **argv)
{
    struct listeners listeners = start_server(argc, argv, BLOCKING);
    pid_t parent = getpid();

    set_handler(SIGCHLD, reap_children);
    for (;;) {
        int client = accept_wait(choose_listener(&listeners));
        pid_t child = fork();

        if (child == 0)
            serve_as_child(client, parent);
        if (child < 0)
            perror("fork");
        close(client);
    }
}

/*
 * A thread for each client and one for each listener, while the main thread sits in sigwait().
 * Every thread blocks all signals before anything else, and has the same alternate signal stack as
 * the others (as varnish does): only one handler at a time may use it.
 */
#include "common.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Threads inherit the mask, but servers that rely on it and servers that do not both exist. */
static void block_all_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void share_signal_stack(void)
{
    static char memory[64 * 1024];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};

    sigaltstack(&stack, NULL);
}

/* Starts a detached thread on a descriptor. Returns an errno value, or 0. */
static int start_thread(void *(*run)(void *), int fd)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, (size_t)256 * 1024);
    error = pthread_create(&thread, &attributes, run, (void *)(intptr_t)fd);
    pthread_attr_destroy(&attributes);
    return error;
}

static void *serve_in_thread(void *fd)
{
    block_all_signals();
    share_signal_stack();
    serve_client((int)(intptr_t)fd);
    return NULL;
}

static void *accept_clients(void *fd)
{
    int listener = (int)(intptr_t)fd;

    block_all_signals();
    share_signal_stack();
    for (;;) {
        int client = accept_wait(listener);
        int error = start_thread(serve_in_thread, client);

        if (error != 0) {
            fprintf(stderr, "thread: pthread_create: %s\n", strerror(error));
            close(client);
        }
    }
    return NULL;
}

static _Noreturn void wait_for_signals(void)
{
    sigset_t set;
    int signal = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (settings.hup_handler) /* a handler would never run: SIGHUP is blocked like the others */
        sigaddset(&set, SIGHUP);
    while (sigwait(&set, &signal) != 0 || signal == SIGHUP)
        say_own_hup_handler();
    _exit(settings.term_status);
}

int main(int argc, char **argv)
{
    struct listeners listeners;

    block_all_signals();
    listeners = start_server(argc, argv, BLOCKING);
    for (int i = 0; i < listeners.count; i++) {
        int error = start_thread(accept_clients, listeners.fd[i]);

        if (error != 0)
            die(1, "pthread_create: %s", strerror(error));
    }
    wait_for_signals();
}

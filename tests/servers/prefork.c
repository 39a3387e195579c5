/*
 * Workers that all sleep in accept() on the shared listeners, and a master that replaces those
 * that die. A worker serves one client at a time: a kept connection occupies it. With --told they
 * poll first: all are told of a client, one gets it, and the others wait for the next one in
 * accept(). With --lock they do so one after the other.
 */
#include "common.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t workers[MAX_WORKERS];
static int worker_count;

static void end_all(int signal)
{
    for (int i = 0; i < worker_count; i++) {
        if (workers[i] > 0)
            kill(workers[i], signal);
    }
    _exit(settings.term_status);
}

/* The accept mutex of such servers, in memory that the workers share. */
static sem_t *turn;

static void make_turn(void)
{
    turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turn == MAP_FAILED || sem_init(turn, 1, 1) != 0)
        die(1, "semaphore: %s", strerror(errno));
}

static int wait_to_be_told(int listener)
{
    struct pollfd wait = {.fd = listener, .events = POLLIN};

    while (poll(&wait, 1, -1) < 0)
        survive_failed_wait("poll");
    return accept_wait(listener);
}

static int take_turn(int listener)
{
    int client;

    while (sem_wait(turn) != 0)
        may_repeat("sem_wait");
    client = wait_to_be_told(listener);
    sem_post(turn);
    return client;
}

static _Noreturn void work(int listener)
{
    for (;;)
        serve_client(settings.lock   ? take_turn(listener)
                     : settings.told ? wait_to_be_told(listener)
                                     : accept_wait(listener));
}

/* SIGTERM waits meanwhile, or it might miss a worker that is not in the table yet. */
static void start_worker(int slot, const struct listeners *listeners)
{
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    workers[slot] = fork();
    if (workers[slot] == 0) {
        signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_UNBLOCK, &term, NULL);
        work(listeners->fd[slot % listeners->count]);
    }
    if (workers[slot] < 0)
        die(1, "fork: %s", strerror(errno));
    sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static void replace_worker(pid_t dead, const struct listeners *listeners)
{
    for (int slot = 0; slot < worker_count; slot++) {
        if (workers[slot] != dead)
            continue;
        workers[slot] = 0;
        pause_ms(10); /* workers that cannot live must not become a fork bomb */
        start_worker(slot, listeners);
    }
}

int main(int argc, char **argv)
{
    struct listeners listeners = start_server(argc, argv, BLOCKING);

    worker_count = settings.workers;
    if (worker_count < listeners.count)
        worker_count = listeners.count;
    make_turn();
    set_handler(SIGTERM, end_all);
    for (int slot = 0; slot < worker_count; slot++)
        start_worker(slot, &listeners);
    for (;;) {
        pid_t dead = waitpid(-1, NULL, 0);

        if (dead > 0)
            replace_worker(dead, &listeners);
    }
}

/*
 * Sends an order to a thread of a server's first generation, as tfhelper would.
 *
 *     order PROCESS THREAD retire|wake|count
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../preload/wire/protocol.h"

static enum order order_of_name(const char *name)
{
    if (strcmp(name, "retire") == 0)
        return ORDER_RETIRE;
    return strcmp(name, "wake") == 0 ? ORDER_WAKE : ORDER_COUNT;
}

int main(int argc, char **argv)
{
    siginfo_t info = {.si_signo = ORDER_SIGNAL, .si_code = SI_QUEUE};

    if (argc != 4)
        return 2;
    info.si_pid = getpid();
    info.si_value.sival_int = (int)order_value(order_of_name(argv[3]), 1);
    if (syscall(SYS_rt_tgsigqueueinfo, atoi(argv[1]), atoi(argv[2]), ORDER_SIGNAL, &info) == -1) {
        perror("order");
        return 1;
    }
    return 0;
}

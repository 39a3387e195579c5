/* tfhelper status: what the helper knows of its service. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "client.h"
#include "clock.h"
#include "commands.h"
#include "service.h"
#include "show.h"
#include "usage.h"

static const char help[] =
    "usage: tfhelper status [OPTION]... PID\n"
    "Show the generations of the service with their state, age, processes, connections\n"
    "left and deadline, its listeners, the last upgrade, and the settings in force.\n\n"
    "      --json               for programs; the keys are in tfhelper(1)\n"
    "      --metrics            in the text format of Prometheus\n"
    "      --watch              again each second, until the service ends\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n\n"
    "Exit status: 0 shown, 1 stdout cannot be written to, 2 usage, 3 no such service, or\n"
    "not yours.\n";

static void show(const struct arguments *arguments, const struct report *records, size_t count)
{
    if (arguments->json)
        show_json(records, count);
    else if (arguments->metrics)
        show_metrics(records, count);
    else
        show_table(records, count);
    flush_output();
}

/* Show one status; false if the helper has closed. */
static bool show_next(const struct arguments *arguments, int fd)
{
    size_t count;
    struct report *records = ask_status(fd, DEMAND_STATUS, &count);

    if (!records)
        return false;
    if (arguments->watch && isatty(STDOUT_FILENO) == 1)
        fputs("\033[H\033[2J", stdout);
    show(arguments, records, count);
    free(records);
    return true;
}

/* A helper that too many ask may drop us. */
static void show_once(const struct arguments *arguments, const struct service *service, int fd,
                      pid_t helper)
{
    for (; fd != -1; fd = connect_again(service, helper)) {
        if (show_next(arguments, fd))
            return;
        close(fd);
    }
    end_with_error(EXIT_NO_SERVICE, "the service has ended");
}

static void watch(const struct arguments *arguments, const struct service *service, int fd,
                  pid_t helper)
{
    static const struct timespec second = {1, 0};

    /* who has not asked for a while is dropped: a terminal may hold us up */
    for (; fd != -1; fd = connect_again(service, helper)) {
        while (show_next(arguments, fd))
            nanosleep(&second, NULL);
        close(fd);
    }
}

int status_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "json metrics watch ", help);
    struct service service;
    pid_t helper;
    int fd;

    if (arguments.json && arguments.metrics)
        usage_error("--json and --metrics exclude each other");
    service = require_service(arguments.pid);
    fd = require_connection(&service, &helper);
    if (arguments.watch)
        watch(&arguments, &service, fd, helper);
    else
        show_once(&arguments, &service, fd, helper);
    return 0;
}

/* tfhelper status: what the helper knows of its service. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "client.h"
#include "commands.h"
#include "find_service.h"
#include "helper/base/clock.h"
#include "helper/base/usage.h"
#include "helper/kernel/procfile.h"
#include "show.h"
#include "unpacking.h"

static const char help[] =
    "usage: tfhelper status [OPTION]... PID\n"
    "       tfhelper status\n"
    "Show the generations of the service with their state, age, processes, connections,\n"
    "open or left, and deadline, its listeners, the last upgrade, and the settings in force.\n\n"
    "      --json               for programs; the keys are in tfhelper(1)\n"
    "      --metrics            in the text format of Prometheus\n"
    "      --watch              again each second, until the service ends\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile. Without\n"
    "it, a line for each service that you may control.\n\n"
    "Exit status: 0 shown, 1 stdout cannot be written to, 2 usage, 3 no such service, or\n"
    "not yours.\n";

static void show(const struct arguments *arguments, struct report *records, size_t count)
{
    for (size_t i = 0; i < count && !arguments->json && !arguments->metrics; i++)
        make_report_plain(&records[i]);
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
    struct report *records = ask_status(fd, DEMAND_STATUS, 0, &count);

    if (!records)
        return false;
    if (arguments->watch && isatty(STDOUT_FILENO) == 1)
        fputs("\033[H\033[2J", stdout);
    show(arguments, records, count);
    free(records);
    return true;
}

/* One line for a service; false if it does not answer at once. */
static bool show_line(const struct service *service)
{
    int fd = connect_to_service(service);
    size_t count;
    struct report *records =
        fd == -1 ? NULL : ask_status(fd, DEMAND_SUMMARY, now() + SECOND, &count);
    static bool begun;

    if (fd != -1)
        close_connection(fd);
    if (!records)
        return false;
    for (size_t i = 0; i < count; i++)
        make_report_plain(&records[i]);
    if (!begun)
        printf("%-8s  %-10s  %-10s  %8s  %s\n", "SERVICE", "GENERATION", "STATE", "AGE", "COMMAND");
    begun = true;
    show_summary(records, count);
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
        close_connection(fd);
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
        close_connection(fd);
    }
}

/* Those of all users as root; of others nobody else may look where they listen. */
static size_t show_services(DIR *processes)
{
    const struct dirent *entry;
    size_t shown = 0;

    while ((entry = readdir(processes))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        char name[COMMAND_SIZE];
        struct service service;

        if (pid <= 0)
            continue;
        read_command(pid, name);
        if (strcmp(name, "tfhelper") == 0 && is_helper(pid, &service))
            shown += show_line(&service);
    }
    return shown;
}

static int list_services(void)
{
    DIR *processes = opendir("/proc");
    size_t shown = processes ? show_services(processes) : 0;

    if (processes)
        closedir(processes);
    flush_output();
    if (shown == 0)
        end_with_error(EXIT_NO_SERVICE, "no service that you may control runs here");
    return 0;
}

int status_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "json metrics watch all ", help);
    struct service service;
    pid_t helper;
    int fd;

    if (arguments.json && arguments.metrics)
        usage_error("--json and --metrics exclude each other");
    if (!arguments.pid && (arguments.json || arguments.metrics || arguments.watch))
        usage_error("these options are for one service: a PID is missing");
    if (!arguments.pid)
        return list_services();
    service = require_service(arguments.pid);
    fd = require_connection(&service, 0, &helper);
    if (arguments.watch)
        watch(&arguments, &service, fd, helper);
    else
        show_once(&arguments, &service, fd, helper);
    return 0;
}

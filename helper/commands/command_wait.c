/* tfhelper wait: for scripts, so that none has to sleep and hope. */
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
#include "unpacking.h"

static const char help[] =
    "usage: tfhelper wait [OPTION]... PID\n"
    "Wait until the service is where it is wanted.\n\n"
    "      --for WHAT           ready: a generation serves, and no upgrade is in progress\n"
    "                           drained: the same, and no older generation is left\n"
    "                           gone: the service has ended\n"
    "                           (ready)\n"
    "      --timeout SECONDS    wait no longer\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n"
    "A process that has only just been started gets five seconds to become a service, a\n"
    "pidfile the whole timeout to appear, and to name a process that lives.\n\n"
    "Exit status: 0 it is, 1 the server was not ready within its ready timeout and runs on,\n"
    "2 usage, 3 no such service, or it has ended or is about to end, or is not yours,\n"
    "4 timeout.\n";

enum until { READY_TO_SERVE, DRAINED, ENDED_FOR_GOOD };

static enum until read_until(const char *text)
{
    static const char *const names[] = {"ready", "drained", "gone"};

    if (!text)
        return READY_TO_SERVE;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum until)i;
    usage_error("--for %s: expected ready, drained or gone", text);
}

static void pause_for_a_moment(void)
{
    static const struct timespec moment = {0, 20 * MILLISECOND};

    nanosleep(&moment, NULL);
}

static bool is_number(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

static bool is_over(int64_t end)
{
    return end != 0 && now() >= end;
}

/* Find the service, which may be on its way. False if it is gone, and gone is what is wanted. */
static bool find_it(const char *text, enum until until, int64_t end, struct service *service)
{
    for (;; pause_for_a_moment()) {
        pid_t pid = read_pid(text);
        enum found found = pid ? find_service(pid, service) : NO_PROCESS;

        if (found == FOUND)
            return true;
        if (found == NO_PROCESS && until == ENDED_FOR_GOOD)
            return false;
        /* a file that names nobody is one of a service that has ended: a new one writes it anew */
        if (found == NO_PROCESS && pid && is_number(text))
            end_with_error(EXIT_NO_SERVICE, "there is no process %d", pid);
        if (is_over(end))
            end_with_error(EXIT_TIMEOUT, "%s: no service yet", text);
        if (found != NO_PROCESS && !is_newborn(pid))
            (void)require_service(text);
    }
}

/* The state of the newest generation; `others`: whether there is an older one, too. */
static const char *newest_state(const struct report *records, size_t count, bool *others)
{
    const char *state = "";
    unsigned newest = 0;
    size_t generations = 0;

    for (size_t i = 0; i < count; i++) {
        if (records[i].kind != REPORT_GENERATION)
            continue;
        generations++;
        if (records[i].generation > newest) {
            newest = records[i].generation;
            state = records[i].name;
        }
    }
    *others = generations > 1;
    return state;
}

/* No generation serves, and none is on its way to that. */
static bool is_about_to_end(const struct report *service, const char *newest)
{
    return service->generation == 0 &&
           (strcmp(newest, "retiring") == 0 || strcmp(newest, "draining") == 0 ||
            strcmp(newest, "stopping") == 0);
}

static bool is_reached(enum until until, const struct report *records, size_t count)
{
    bool others;
    const char *state = newest_state(records, count, &others);

    if (until == ENDED_FOR_GOOD)
        return false;
    if (is_about_to_end(&records[0], state))
        end_with_error(EXIT_NO_SERVICE, "the service is about to end");
    if (strcmp(state, "unready") == 0)
        end_with_error(EXIT_REFUSED, "the server was not ready in time; it runs on");
    return strcmp(state, "ready") == 0 && (until == READY_TO_SERVE || !others);
}

/* True when it is so; false when the helper has closed. */
static bool wait_for_it(int fd, enum until until, int64_t end)
{
    struct report report = {0};
    enum heard heard = HEARD;

    while (heard != ENDED) {
        size_t count;
        struct report *records = ask_status(fd, DEMAND_SUMMARY, 0, &count);
        bool reached = records && is_reached(until, records, count);

        free(records);
        if (reached)
            return true;
        heard = records ? hear(fd, &report, end, NULL) : ENDED;
        if (heard == SILENCE)
            end_with_error(EXIT_TIMEOUT, "not so after the time given");
    }
    return false;
}

static int end_of_wait(enum until until)
{
    if (until != ENDED_FOR_GOOD)
        end_with_error(EXIT_NO_SERVICE, "the service has ended");
    return 0;
}

int wait_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "for timeout ", help);
    enum until until = read_until(arguments.until);
    int64_t end = arguments.timeout ? now() + arguments.timeout : 0;
    struct service service;
    pid_t helper;
    int fd;

    if (!find_it(arguments.pid, until, end, &service))
        return 0;
    fd = open_connection(&service, end, &helper);
    if (fd == -1 && (until != ENDED_FOR_GOOD || !wait_for_exit(service.pid)))
        end_unreachable(&service);
    for (; fd != -1; fd = connect_again(&service, helper)) {
        if (send_demand(fd, DEMAND_WATCH) && wait_for_it(fd, until, end))
            return 0;
        close_connection(fd);
    }
    return end_of_wait(until);
}

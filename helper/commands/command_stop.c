/* tfhelper stop: the end of a service that loses nothing. */
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "client.h"
#include "commands.h"
#include "find_service.h"
#include "helper/base/clock.h"
#include "helper/base/usage.h"
#include "progress.h"
#include "unpacking.h"

static const char help[] =
    "usage: tfhelper stop [OPTION]... PID\n"
    "End the service: it accepts no more, finishes its connections (for at most its exit\n"
    "timeout), and is told to stop. Returns when it is gone.\n\n"
    "      --generation NUMBER  end only this one, which drains, and cut what it serves\n"
    "      --timeout SECONDS    wait no longer; the service ends on\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n\n"
    "Exit status: 0 the service (or the generation) is gone, 1 it is, but did not end of the stop\n"
    "signal in time and was killed, or there is no such generation that drains, 2 usage, 3 no such "
    "service, or not yours, 4 timeout.\n";

/* What has not ended in its own way may have lost what it was about to save. */
static void say_killed(const struct report *report)
{
    fprintf(stderr,
            "tfhelper: generation %u was not gone %s after the stop signal, and was killed\n",
            report->generation, duration_text(report->duration));
}

/* Ends the program at the time given, 0: never. Returns whether all ended in their own way. */
static bool wait_for_end(int fd, int64_t end)
{
    struct progress progress = begin_progress();
    struct report report = {0};
    bool in_its_own_way = true;
    enum heard heard;

    while ((heard = hear(fd, &report, next_progress(&progress, end), NULL)) != ENDED) {
        if (heard == HEARD && report.kind == REPORT_DRAINING)
            note_progress(&progress, &report);
        if (heard == HEARD && report.kind == REPORT_KILLED) {
            end_progress(&progress);
            say_killed(&report);
            in_its_own_way = false;
        }
        if (heard == SILENCE && end != 0 && now() >= end) {
            end_progress(&progress);
            end_with_error(EXIT_TIMEOUT, "the service is not gone yet; it drains on");
        }
        show_progress(&progress);
    }
    end_progress(&progress);
    return in_its_own_way;
}

/* Returns whether it ended in its own way; false, too, if the helper has gone meanwhile. */
static bool stop_generation(int fd, unsigned number, int64_t end)
{
    struct report report = {0};
    enum heard heard;
    bool in_its_own_way = true;

    if (!send_number(fd, DEMAND_CUT, number))
        end_with_error(EXIT_NO_SERVICE, "the service has ended");
    do {
        heard = hear(fd, &report, end, NULL);
        if (heard == SILENCE)
            end_with_error(EXIT_TIMEOUT, "generation %u is not gone yet", number);
        if (heard == HEARD && report.kind == REPORT_REFUSED)
            end_with_error(EXIT_REFUSED, "%s", report.text);
        if (heard == HEARD && report.kind == REPORT_KILLED && report.generation == number) {
            say_killed(&report);
            in_its_own_way = false;
        }
    } while (heard != ENDED && (report.kind != REPORT_GONE || report.generation != number));
    return in_its_own_way;
}

int stop_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "generation timeout ", help);
    int64_t end = arguments.timeout ? now() + arguments.timeout : 0;
    struct service service = require_service(arguments.pid);
    bool in_its_own_way = true;
    pid_t helper;
    int fd = require_connection(&service, end, &helper);

    if (arguments.generation != 0)
        return stop_generation(fd, (unsigned)arguments.generation, end) ? 0 : EXIT_REFUSED;
    for (; fd != -1; fd = connect_again(&service, helper)) {
        if (send_demand(fd, DEMAND_STOP))
            in_its_own_way &= wait_for_end(fd, end);
        close_connection(fd);
    }
    return in_its_own_way ? 0 : EXIT_REFUSED;
}

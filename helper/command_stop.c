/* tfhelper stop: the end of a service that loses nothing. */
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "client.h"
#include "clock.h"
#include "commands.h"
#include "progress.h"
#include "service.h"
#include "usage.h"

static const char help[] =
    "usage: tfhelper stop [OPTION]... PID\n"
    "End the service: it accepts no more, finishes its connections (for at most its exit\n"
    "timeout), and is told to stop. Returns when it is gone.\n\n"
    "      --timeout SECONDS    wait no longer; the service ends on\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n\n"
    "Exit status: 0 the service is gone, 2 usage, 3 no such service, or not yours, 4 timeout.\n";

/* Ends the program at the time given, 0: never. */
static void wait_for_end(int fd, int64_t end)
{
    struct progress progress = begin_progress();
    struct report report = {0};
    enum heard heard;

    while ((heard = hear(fd, &report, next_progress(&progress, end), NULL)) != ENDED) {
        if (heard == HEARD && report.kind == REPORT_DRAINING)
            note_progress(&progress, &report);
        if (heard == SILENCE && end != 0 && now() >= end) {
            end_progress(&progress);
            end_with_error(EXIT_TIMEOUT, "the service is not gone yet; it drains on");
        }
        show_progress(&progress);
    }
    end_progress(&progress);
}

int stop_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "timeout ", help);
    int64_t end = arguments.timeout ? now() + arguments.timeout : 0;
    struct service service = require_service(arguments.pid);
    pid_t helper;
    int fd = require_connection(&service, &helper);

    for (; fd != -1; fd = connect_again(&service, helper)) {
        if (send_demand(fd, DEMAND_STOP))
            wait_for_end(fd, end);
        close(fd);
    }
    return 0;
}

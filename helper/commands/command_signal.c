/* tfhelper signal: what kill(1) is for a server with one generation. */
#include <stdio.h>

#include "arguments.h"
#include "client.h"
#include "commands.h"
#include "find_service.h"
#include "helper/base/clock.h"
#include "helper/base/usage.h"
#include "helper/settings/setting_values.h"

static const char help[] =
    "usage: tfhelper signal [OPTION]... NAME PID\n"
    "Send a signal to the server: to each generation that lives, those that drain as well. So\n"
    "all of them reopen their logs. SIGHUP, too, is the server's own then, and no upgrade.\n\n"
    "      --timeout SECONDS    wait no longer for the answer\n"
    "  -h, --help               this text\n\n"
    "NAME is that of a signal, such as USR1 or HUP. PID is that of the service, or of any of its\n"
    "processes, or the path of a pidfile.\n\n"
    "Exit status: 0 sent, 1 no process could be signalled, 2 usage, 3 no such service, or not\n"
    "yours, 4 timeout.\n";

int signal_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "timeout NAME ", help);
    int64_t end = arguments.timeout ? now() + arguments.timeout : 0;
    struct report report = {0};
    struct service service;
    enum heard heard = ENDED;
    pid_t helper;
    int number;
    int fd;

    if (!read_stop_signal(arguments.name, &number))
        usage_error("%s: expected the name of a signal, such as USR1 or HUP", arguments.name);
    service = require_service(arguments.pid);
    fd = require_connection(&service, end, &helper);
    if (demand_signal(fd, number))
        while ((heard = hear(fd, &report, end, NULL)) == HEARD && report.kind != REPORT_SIGNALLED)
            ;
    if (heard == SILENCE)
        end_with_error(EXIT_TIMEOUT, "no answer yet");
    if (heard == ENDED)
        end_with_error(EXIT_REFUSED, "the service has ended meanwhile");
    if (!*report.text)
        end_with_error(EXIT_REFUSED, "no process of the service could be signalled");
    printf("%s has been sent to %s\n", arguments.name, report.text);
    flush_output();
    return 0;
}

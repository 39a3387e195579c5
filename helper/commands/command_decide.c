/* tfhelper commit and rollback: what becomes of a new version while the old one is kept. */
#include <stdbool.h>
#include <stdio.h>

#include "arguments.h"
#include "client.h"
#include "commands.h"
#include "find_service.h"
#include "helper/base/clock.h"
#include "helper/base/usage.h"

static const char commit_help[] =
    "usage: tfhelper commit [OPTION]... PID\n"
    "Stay with the new version: the generation that `tfhelper upgrade --hold` or TFPRELOAD_BAKE\n"
    "keeps drains and ends as after any upgrade.\n\n"
    "      --timeout SECONDS    wait no longer for the answer\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n\n"
    "Exit status: 0 done, 1 no generation is kept, 2 usage, 3 no such service, or not yours,\n"
    "4 timeout.\n";

static const char rollback_help[] =
    "usage: tfhelper rollback [OPTION]... PID\n"
    "Go back to the generation before, which drains or is kept: it serves again, and the new\n"
    "version accepts no more, finishes its connections and ends.\n\n"
    "      --timeout SECONDS    wait no longer; it goes on\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n\n"
    "Exit status: 0 the generation before serves again, 1 there is none, 2 usage, 3 no such\n"
    "service, or not yours, 4 timeout.\n";

/* Make the demand, and hear what happens until `is_met` says of a report that it was the last. */
static void decide(int argc, char **argv, const char *help, enum demand demand,
                   bool (*is_met)(const struct report *report))
{
    struct arguments arguments = read_arguments(argc, argv, "timeout ", help);
    int64_t end = arguments.timeout ? now() + arguments.timeout : 0;
    struct service service = require_service(arguments.pid);
    struct report report = {0};
    pid_t helper;
    int fd = require_connection(&service, end, &helper);
    enum heard heard = ENDED;

    if (send_demand(fd, demand))
        while ((heard = hear(fd, &report, end, NULL)) == HEARD && !is_met(&report))
            if (report.kind == REPORT_REFUSED)
                end_with_error(EXIT_REFUSED, "%s", report.text);
    if (heard == SILENCE)
        end_with_error(EXIT_TIMEOUT, "no answer yet; it goes on");
    if (heard == ENDED)
        end_with_error(EXIT_REFUSED, "the service has ended meanwhile");
}

static unsigned committed;

static bool is_committed(const struct report *report)
{
    committed = report->generation;
    return report->kind == REPORT_COMMITTED;
}

int commit_command(int argc, char **argv)
{
    decide(argc, argv, commit_help, DEMAND_COMMIT, is_committed);
    printf("generation %u stays; the one before is not kept any more\n", committed);
    return 0;
}

/* What has been heard of a roll-back, in either order. */
static struct {
    unsigned left;
    unsigned returned;
    bool retired; /* the one that was left: nobody new gets to it */
} so_far;

static bool is_rolled_back(const struct report *report)
{
    if (report->kind == REPORT_ROLLED_BACK)
        so_far.left = report->generation;
    else if (report->kind == REPORT_RETURNED)
        so_far.returned = report->generation;
    else if (report->kind == REPORT_DRAINING || report->kind == REPORT_GONE)
        so_far.retired |= report->generation == so_far.left;
    return so_far.returned && so_far.retired;
}

int rollback_command(int argc, char **argv)
{
    decide(argc, argv, rollback_help, DEMAND_ROLL_BACK, is_rolled_back);
    printf("generation %u serves again\n", so_far.returned);
    return 0;
}

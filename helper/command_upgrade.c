/* tfhelper upgrade: what SIGHUP does, and how it came out. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arguments.h"
#include "client.h"
#include "clock.h"
#include "commands.h"
#include "output.h"
#include "progress.h"
#include "service.h"
#include "usage.h"

static const char help[] =
    "usage: tfhelper upgrade [OPTION]... PID\n"
    "Start an upgrade of the service, and wait for its outcome.\n\n"
    "      --drained            wait until the generation that it replaces is gone, too\n"
    "      --timeout SECONDS    wait no longer; the upgrade goes on\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n"
    "An upgrade that is in progress is waited for first.\n\n"
    "Exit status: 0 the new generation is ready (and the old one gone), 1 the upgrade has\n"
    "failed and the old generation serves on, or the service is about to end, 2 usage,\n"
    "3 no such service, or not yours, or the helper has dropped us, 4 timeout.\n";

/* How long, after the new generation is ready, to wait for the old one's number of connections. */
static const int64_t retiring_patience = 2 * SECOND;

struct upgrade {
    struct service service;
    int fd;
    pid_t helper;
    unsigned generation; /* 0: not begun yet */
    unsigned old;        /* the one that it replaces */
    int64_t took;        /* until ready */
    int64_t connections; /* of the old one; -1: not known */
    bool gone;           /* the old one is */
    struct progress progress;
};

static _Noreturn void failed(const struct upgrade *upgrade, const struct report *report)
{
    fprintf(stderr, "tfhelper: the upgrade to generation %u failed: %s\n", report->generation,
            report->text);
    print_output(upgrade->helper, report->pid, report->position);
    exit(EXIT_REFUSED);
}

static _Noreturn void end_lost(const struct upgrade *upgrade)
{
    if (connect_again(&upgrade->service, upgrade->helper) == -1)
        end_with_error(EXIT_REFUSED, "the service has ended meanwhile");
    end_with_error(EXIT_NO_SERVICE,
                   "the helper does not talk to us any more, since too many others ask it, or we "
                   "did not listen; tfhelper status says what has become of the upgrade");
}

static enum heard next(const struct upgrade *upgrade, struct report *report, int64_t end)
{
    enum heard heard = hear(upgrade->fd, report, end, NULL);

    if (heard == ENDED)
        end_lost(upgrade);
    if (heard == HEARD && report->kind == REPORT_ENDING)
        end_with_error(EXIT_REFUSED, "the service is about to end: there is no upgrade any more");
    return heard;
}

static void note_begin(struct upgrade *upgrade, const struct report *report)
{
    upgrade->generation = report->generation;
    upgrade->old = (unsigned)report->count;
}

static void wait_for_ready(struct upgrade *upgrade, int64_t end)
{
    struct report report = {0};

    for (;;) {
        if (next(upgrade, &report, end) == SILENCE)
            end_with_error(EXIT_TIMEOUT, "the upgrade has no outcome yet; it goes on");
        if (report.kind == REPORT_NOTED && upgrade->generation == 0)
            fprintf(stderr, "generation %u is not ready yet: this upgrade waits for its turn\n",
                    report.generation);
        else if (report.kind == REPORT_BEGINS && upgrade->generation == 0)
            note_begin(upgrade, &report);
        else if (report.kind == REPORT_FAILED && report.generation == upgrade->generation)
            failed(upgrade, &report);
        else if (report.kind == REPORT_READY && report.generation == upgrade->generation)
            break;
    }
    upgrade->took = report.duration;
}

/* Note what is said of the generation that this upgrade has replaced. */
static void note_old(struct upgrade *upgrade, const struct report *report)
{
    if (report->generation != upgrade->old)
        return;
    if (report->kind == REPORT_DRAINING) {
        upgrade->connections = report->count;
        note_progress(&upgrade->progress, report);
    }
    upgrade->gone |= report->kind == REPORT_GONE;
}

static void wait_for_retired(struct upgrade *upgrade)
{
    int64_t end = now() + retiring_patience;
    struct report report = {0};

    while (upgrade->connections == -1 && !upgrade->gone && next(upgrade, &report, end) == HEARD)
        note_old(upgrade, &report);
}

static void print_outcome(const struct upgrade *upgrade)
{
    printf("generation %u ready after %s", upgrade->generation, duration_text(upgrade->took));
    if (upgrade->connections == -1 && !upgrade->gone)
        printf("; generation %u is retiring", upgrade->old);
    else if (upgrade->connections > 0)
        printf("; generation %u draining %lld connection%s", upgrade->old,
               (long long)upgrade->connections, upgrade->connections == 1 ? "" : "s");
    else
        printf("; generation %u has no connections left", upgrade->old);
    putchar('\n');
    fflush(stdout);
}

static void wait_for_gone(struct upgrade *upgrade, int64_t end)
{
    struct report report = {0};

    while (!upgrade->gone) {
        enum heard heard;

        show_progress(&upgrade->progress);
        heard = next(upgrade, &report, next_progress(&upgrade->progress, end));

        if (heard == HEARD) {
            note_old(upgrade, &report);
        } else if (end != 0 && now() >= end) {
            end_progress(&upgrade->progress);
            end_with_error(EXIT_TIMEOUT, "generation %u is not gone yet; it drains on",
                           upgrade->old);
        }
    }
    end_progress(&upgrade->progress);
    if (upgrade->connections > 0) /* the last that was heard: it did not come to none */
        printf("generation %u gone; %lld connection%s did not end in time\n", upgrade->old,
               (long long)upgrade->connections, upgrade->connections == 1 ? "" : "s");
    else
        printf("generation %u gone\n", upgrade->old);
}

int upgrade_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "drained timeout ", help);
    int64_t end = arguments.timeout ? now() + arguments.timeout : 0;
    struct upgrade upgrade = {
        .service = require_service(arguments.pid), .connections = -1, .progress = begin_progress()};

    upgrade.fd = require_connection(&upgrade.service, &upgrade.helper);
    if (!send_demand(upgrade.fd, DEMAND_UPGRADE))
        end_lost(&upgrade);
    wait_for_ready(&upgrade, end);
    wait_for_retired(&upgrade);
    print_outcome(&upgrade);
    if (arguments.drained)
        wait_for_gone(&upgrade, end);
    return 0;
}

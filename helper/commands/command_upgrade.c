/* tfhelper upgrade: what SIGHUP does, and how it came out. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arguments.h"
#include "client.h"
#include "commands.h"
#include "find_service.h"
#include "helper/base/clock.h"
#include "helper/base/usage.h"
#include "output.h"
#include "progress.h"
#include "upgrade_self.h"

static const char help[] =
    "usage: tfhelper upgrade [OPTION]... PID\n"
    "Start an upgrade of the service, and wait for its outcome.\n\n"
    "      --hold SECONDS       keep the old generation until commit or rollback decides; after\n"
    "                           that time it serves again\n"
    "      --drained            wait until the generation that it replaces is gone, too\n"
    "      --self               the tfhelper of the service, and not its server: the file that it\n"
    "                           was started from is executed in its place\n"
    "      --timeout SECONDS    wait no longer; the upgrade goes on\n"
    "  -h, --help               this text\n\n"
    "PID is that of the service, or of any of its processes, or the path of a pidfile.\n"
    "An upgrade that is in progress is waited for first.\n\n"
    "Exit status: 0 the new generation is ready (and the old one gone), 1 the upgrade has\n"
    "failed and the old generation serves on, or the service is about to end, 2 usage,\n"
    "3 no such service, or not yours, or the helper has dropped us, 4 timeout, 5 ready, but with\n"
    "--drained connections of the old one did not end in time, and were cut.\n";

/* How long, after the new generation is ready, to wait for the old one's number of connections. */
static const int64_t retiring_patience = 2 * SECOND;

struct upgrade {
    struct service service;
    int fd;
    pid_t helper;
    unsigned generation; /* 0: not begun yet */
    bool waits;          /* for its turn, and has said so: others that come are noted, too */
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

static _Noreturn void rolled_back(const struct upgrade *upgrade, const struct report *report)
{
    end_progress(&upgrade->progress);
    fprintf(stderr, "tfhelper: generation %u was rolled back: %s; generation %lld serves again\n",
            report->generation, report->text, (long long)report->count);
    print_output(upgrade->helper, report->pid, report->position);
    exit(EXIT_REFUSED);
}

static _Noreturn void restarted(const struct upgrade *upgrade, const struct report *report)
{
    end_progress(&upgrade->progress);
    fprintf(stderr, "tfhelper: generation %u: %s; generation %lld is started in its place\n",
            report->generation, report->text, (long long)report->count);
    print_output(upgrade->helper, report->pid, report->position);
    exit(EXIT_REFUSED);
}

static _Noreturn void end_lost(const struct upgrade *upgrade)
{
    int64_t second = now() + SECOND;

    /* a helper that ends closes our connection a moment before it listens no more */
    do
        if (connect_again(&upgrade->service, upgrade->helper) == -1)
            end_with_error(EXIT_REFUSED, "the service has ended meanwhile");
    while (now() < second);
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
    if (heard == HEARD && report->kind == REPORT_REFUSED && upgrade->generation == 0)
        end_with_error(EXIT_REFUSED, "%s", report->text);
    if (heard == HEARD && report->kind == REPORT_ROLLED_BACK &&
        report->generation == upgrade->generation)
        rolled_back(upgrade, report);
    if (heard == HEARD && report->kind == REPORT_RESTARTED && upgrade->generation != 0 &&
        report->generation >= upgrade->generation)
        restarted(upgrade, report);
    return heard;
}

static void say_that_it_waits(struct upgrade *upgrade, unsigned generation)
{
    if (!upgrade->waits)
        fprintf(stderr, "generation %u is not ready yet: this upgrade waits for its turn\n",
                generation);
    upgrade->waits = true;
}

static void note_begin(struct upgrade *upgrade, const struct report *report)
{
    upgrade->generation = report->generation;
    upgrade->old = (unsigned)report->count;
    if (report->text[0])
        fprintf(stderr, "note: %s\n", report->text);
}

static void wait_for_ready(struct upgrade *upgrade, int64_t end)
{
    struct report report = {0};

    for (;;) {
        if (next(upgrade, &report, end) == SILENCE)
            end_at_timeout(upgrade->helper, "the upgrade has no outcome yet; it goes on");
        if (report.kind == REPORT_NOTED && upgrade->generation == 0)
            say_that_it_waits(upgrade, report.generation);
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

/* Returns the exit status. */
static int wait_for_gone(struct upgrade *upgrade, int64_t end)
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
    if (upgrade->connections > 0) { /* the last that was heard: it did not come to none */
        printf("generation %u gone; %lld connection%s did not end in time\n", upgrade->old,
               (long long)upgrade->connections, upgrade->connections == 1 ? "" : "s");
        return EXIT_DOUBTFUL;
    }
    printf("generation %u gone\n", upgrade->old);
    return 0;
}

int upgrade_command(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "drained hold self timeout ", help);
    int64_t end = arguments.timeout ? now() + arguments.timeout : 0;
    struct upgrade upgrade = {.connections = -1, .progress = begin_progress()};

    if (arguments.self && (arguments.drained || arguments.hold))
        usage_error("--self goes with neither --drained nor --hold");
    upgrade.service = require_service(arguments.pid);
    if (arguments.self)
        return upgrade_self(&upgrade.service, end);
    upgrade.fd = require_connection(&upgrade.service, end, &upgrade.helper);
    if (!demand_upgrade(upgrade.fd, arguments.hold))
        end_lost(&upgrade);
    wait_for_ready(&upgrade, end);
    wait_for_retired(&upgrade);
    print_outcome(&upgrade);
    if (arguments.hold)
        printf(
            "generation %u is kept for %s: tfhelper commit or rollback decides, and after that it "
            "serves again\n",
            upgrade.old, duration_text(arguments.hold));
    if (arguments.drained)
        return wait_for_gone(&upgrade, end);
    return 0;
}

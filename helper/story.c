#include "story.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "control.h"
#include "generation.h"
#include "hook.h"
#include "manager.h"
#include "pidfile.h"
#include "settings.h"

struct outcome last_outcome;

/* Has the service ever been ready? */
static bool up;

/* The manager is told less often than who watches. */
static const int64_t draining_pace = SECOND;

struct report new_report(enum report_kind kind)
{
    struct report report;

    memset(&report, 0, sizeof report);
    report.magic = REPORT_MAGIC;
    report.version = REPORT_VERSION;
    report.kind = (uint16_t)kind;
    report.count = report.limit = report.left = report.position = -1;
    return report;
}

static struct report report_of(enum report_kind kind, const struct generation *generation)
{
    struct report report = new_report(kind);

    report.generation = generation->number;
    report.pid = generation->first;
    return report;
}

void tell_begins(const struct generation *new)
{
    struct report report = report_of(REPORT_BEGINS, new);

    report.count = current->number;
    tell_watchers(&report);
    tell_manager_upgrading(new);
}

void tell_noted(void)
{
    struct report report = report_of(REPORT_NOTED, generations);

    tell_watchers(&report);
}

/* Note how an upgrade has ended; the first start is none. */
static void note_outcome(const struct generation *generation, const char *reason)
{
    last_outcome.generation = generation->number;
    last_outcome.old = current->number;
    last_outcome.failed = reason != NULL;
    last_outcome.ended = now();
    last_outcome.took = last_outcome.ended - generation->begun;
    last_outcome.retired = 0;
    snprintf(last_outcome.reason, sizeof last_outcome.reason, "%s", reason ? reason : "");
    if (reason)
        last_outcome.failed_ones++;
    else
        last_outcome.ready_ones++;
}

void tell_ready(const struct generation *generation)
{
    struct report report = report_of(REPORT_READY, generation);

    if (generation->begun)
        note_outcome(generation, NULL);
    report.duration = now() - generation->started;
    tell_watchers(&report);
    tell_manager_ready(generation);
    call_hook("ready", generation, report.duration, NULL);
    if (up)
        return;
    up = true;
    write_pidfile();
    tell_ready_fd();
}

void tell_moved(void)
{
    if (up)
        write_pidfile();
}

void tell_unready(const struct generation *generation)
{
    struct report report = report_of(REPORT_UNREADY, generation);

    tell_watchers(&report);
}

void tell_failed(const struct generation *generation, const char *reason)
{
    struct report report = report_of(REPORT_FAILED, generation);

    note_outcome(generation, reason);
    if (generation->state == COLLECTING)
        report.pid = 0; /* nothing was executed */
    report.duration = last_outcome.took;
    report.position = generation->output;
    snprintf(report.text, sizeof report.text, "%s", reason);
    tell_watchers(&report);
    tell_manager_failed(generation, reason);
    call_hook("failed", generation, report.duration, reason);
}

void tell_retired(const struct generation *old)
{
    struct report report = report_of(REPORT_RETIRED, old);

    report.duration = now() - old->since;
    if (old->number == last_outcome.old)
        last_outcome.retired = report.duration;
    tell_watchers(&report);
    call_hook("retired", old, report.duration, NULL);
}

void tell_draining(const struct generation *old, size_t left)
{
    static int64_t told;
    struct report report = report_of(REPORT_DRAINING, old);

    report.count = (int64_t)left;
    report.left = old->deadline > now() ? old->deadline - now() : 0;
    tell_watchers(&report);
    if (current && current != old && (left == 0 || now() - told > draining_pace)) {
        told = now();
        tell_manager_draining(old, left);
    }
}

void tell_gone(const struct generation *old)
{
    struct report report = report_of(REPORT_GONE, old);

    if (old->started == 0) /* nobody has seen it come */
        return;
    tell_watchers(&report);
    call_hook("gone", old, now() - old->since, NULL);
}

void tell_ending(void)
{
    struct report report = new_report(REPORT_ENDING);

    tell_watchers(&report);
    tell_manager_ending();
}

#include "story.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/generation/generation.h"
#include "helper/settings/settings.h"
#include "hook.h"
#include "manager.h"
#include "pidfile.h"
#include "watchers.h"

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

void tell_begins(const struct generation *new, const char *hint)
{
    struct report report = report_of(REPORT_BEGINS, new);

    report.count = current->number;
    snprintf(report.text, sizeof report.text, "%s", hint);
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
    last_outcome.old = generation->replaces;
    last_outcome.failed = reason != NULL;
    last_outcome.rolled_back = false;
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

void tell_failed(const struct generation *generation, const char *reason, bool old_serves)
{
    struct report report = report_of(REPORT_FAILED, generation);

    note_outcome(generation, reason);
    if (!generation->executed)
        report.pid = 0;
    report.position = generation->output;
    snprintf(report.text, sizeof report.text, "%s", reason);
    tell_watchers(&report);
    if (old_serves)
        tell_manager_failed(generation, reason);
    call_hook("failed", generation, last_outcome.took, reason);
}

void tell_rolled_back(const struct generation *failed, const struct generation *old)
{
    struct report report = report_of(REPORT_ROLLED_BACK, failed);

    report.count = old->number;
    report.position = failed->output;
    snprintf(report.text, sizeof report.text, "%s", failed->reason);
    last_outcome.generation = failed->number;
    last_outcome.old = old->number;
    last_outcome.failed = last_outcome.rolled_back = true;
    last_outcome.ended = now();
    last_outcome.took = last_outcome.ended - failed->started;
    snprintf(last_outcome.reason, sizeof last_outcome.reason, "%s", failed->reason);
    last_outcome.rolled_back_ones++;
    tell_watchers(&report);
    tell_manager_rolled_back(failed, old);
    call_hook("rolled-back", failed, now() - failed->started, failed->reason);
}

void tell_returned(const struct generation *old)
{
    struct report report = report_of(REPORT_RETURNED, old);

    tell_watchers(&report);
}

void tell_restarted(const struct generation *ended, const struct generation *new, const char *why)
{
    struct report report = report_of(REPORT_RESTARTED, ended);

    report.count = new->number;
    report.position = ended->output;
    snprintf(report.text, sizeof report.text, "%s", why);
    last_outcome.restarts++;
    tell_watchers(&report);
    tell_manager_restarted(ended, new, why);
    call_hook("restarted", ended, ended->started ? now() - ended->started : 0, why);
}

void tell_committed(const struct generation *generation)
{
    struct report report = report_of(REPORT_COMMITTED, generation);

    tell_watchers(&report);
}

void tell_refused(const char *why)
{
    struct report report = new_report(REPORT_REFUSED);

    snprintf(report.text, sizeof report.text, "%s", why);
    tell_watchers(&report);
}

void tell_renewed(void)
{
    struct report report = new_report(REPORT_RENEWED);

    report.pid = getpid();
    snprintf(report.name, sizeof report.name, "%s", TFP_VERSION_TEXT);
    tell_watchers(&report);
}

void tell_retired(const struct generation *old)
{
    int64_t took = now() - old->retirement.begun;

    if (old->number == last_outcome.old)
        last_outcome.retired = took;
    call_hook("retired", old, took, NULL);
}

void tell_draining(const struct generation *old, size_t left)
{
    static int64_t told;
    struct report report = report_of(REPORT_DRAINING, old);

    report.count = (int64_t)left;
    report.left = time_left(old);
    tell_watchers(&report);
    if (current && current != old && (left == 0 || now() - told > draining_pace)) {
        told = now();
        tell_manager_draining(old, left);
    }
}

void tell_killed(const struct generation *generation)
{
    struct report report = report_of(REPORT_KILLED, generation);

    report.duration = now() - generation->since;
    tell_watchers(&report);
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

static uint64_t carry_total(struct carrier *carrier, const char *name, uint64_t total)
{
    return (uint64_t)carry_number(carrier, name, (int64_t)total, 0, INT64_MAX);
}

void carry_story(struct carrier *carrier)
{
    struct outcome *last = &last_outcome;

    up = carry_bool(carrier, "up", up);
    last->generation =
        (unsigned)carry_number(carrier, "outcome-of", last->generation, 0, UINT32_MAX);
    last->old = (unsigned)carry_number(carrier, "outcome-old", last->old, 0, UINT32_MAX);
    last->failed = carry_bool(carrier, "failed", last->failed);
    last->rolled_back = carry_bool(carrier, "rolled-back", last->rolled_back);
    carry_text(carrier, "outcome-reason", last->reason, sizeof last->reason);
    last->ended = carry_time(carrier, "outcome-ended", last->ended);
    last->took = carry_time(carrier, "outcome-took", last->took);
    last->retired = carry_time(carrier, "outcome-retired", last->retired);
    last->ready_ones = carry_total(carrier, "ready-ones", last->ready_ones);
    last->failed_ones = carry_total(carrier, "failed-ones", last->failed_ones);
    last->rolled_back_ones = carry_total(carrier, "rolled-back-ones", last->rolled_back_ones);
    last->restarts = carry_total(carrier, "restarts-so-far", last->restarts);
}

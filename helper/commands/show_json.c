/* A status as one JSON object. Its keys are documented in tfhelper(1) and stay as they are. */
#include <stdbool.h>
#include <stdio.h>

#include "helper/base/clock.h"
#include "helper/base/json.h"
#include "helper/outside/reports.h"
#include "show.h"

static void print_text(const char *text)
{
    char quoted[6 * REPORT_TEXT + 8]; /* each byte may become \\u00XX */

    fputs(json_string(text, quoted, sizeof quoted), stdout);
}

/* A time in seconds; null where there is none. */
static void print_seconds(int64_t time)
{
    if (time < 0)
        fputs("null", stdout);
    else
        printf("%.3f", (double)time / (double)SECOND);
}

static void print_count(int64_t count)
{
    if (count < 0)
        fputs("null", stdout);
    else
        printf("%lld", (long long)count);
}

static void separate(bool *first)
{
    if (!*first)
        putchar(',');
    *first = false;
}

static void print_processes(const struct report *records, size_t count, unsigned generation)
{
    bool first = true;
    const struct report *at = NULL;

    fputs("\"processes\":[", stdout);
    while ((at = next_record(records, count, at, REPORT_PROCESS))) {
        if (at->generation != generation)
            continue;
        separate(&first);
        printf("{\"pid\":%d,\"name\":", at->pid);
        print_text(at->name);
        putchar('}');
    }
    putchar(']');
}

static void print_clients(const struct report *records, size_t count, unsigned generation)
{
    bool first = true;
    const struct report *at = NULL;

    fputs("\"clients\":[", stdout);
    while ((at = next_record(records, count, at, REPORT_CLIENT))) {
        if (at->generation != generation)
            continue;
        separate(&first);
        fputs("{\"address\":", stdout);
        print_text(at->text);
        printf(",\"pending_bytes\":%lld,\"quiet_seconds\":", (long long)at->count);
        print_seconds(at->age);
        printf(",\"in_progress\":%s}", at->limit == 1 ? "true" : "false");
    }
    putchar(']');
}

static void print_generations(const struct report *records, size_t count)
{
    bool first = true;
    const struct report *at = NULL;

    fputs("\"generations\":[", stdout);
    while ((at = next_record(records, count, at, REPORT_GENERATION))) {
        separate(&first);
        printf("{\"generation\":%u,\"state\":", at->generation);
        print_text(at->name);
        printf(",\"pid\":%d,\"age_seconds\":", at->pid);
        print_seconds(at->age);
        fputs(",\"connections\":", stdout);
        print_count(at->count);
        fputs(",\"deadline_seconds\":", stdout);
        print_seconds(at->left);
        putchar(',');
        print_processes(records, count, at->generation);
        putchar(',');
        print_clients(records, count, at->generation);
        putchar('}');
    }
    putchar(']');
}

static void print_listeners(const struct report *records, size_t count)
{
    bool first = true;
    const struct report *at = NULL;

    fputs(",\"listeners\":[", stdout);
    while ((at = next_record(records, count, at, REPORT_LISTENER))) {
        separate(&first);
        fputs("{\"kind\":", stdout);
        print_text(at->name);
        fputs(",\"address\":", stdout);
        print_text(at->text);
        fputs(",\"queue\":", stdout);
        print_count(at->count);
        fputs(",\"limit\":", stdout);
        print_count(at->limit);
        putchar('}');
    }
    putchar(']');
}

static void print_upgrades(const struct report *records, size_t count)
{
    const struct report *sum = next_record(records, count, NULL, REPORT_UPGRADES);
    const struct report *last = next_record(records, count, NULL, REPORT_OUTCOME);

    printf(",\"upgrades\":{\"ready\":%lld,\"failed\":%lld,\"rolled_back\":%lld,\"last\":",
           sum ? (long long)sum->count : 0, sum ? (long long)sum->limit : 0,
           sum ? (long long)sum->left : 0);
    if (!last) {
        fputs("null}", stdout);
        return;
    }
    printf("{\"generation\":%u,\"outcome\":", last->generation);
    print_text(last->name);
    fputs(",\"reason\":", stdout);
    if (*last->text)
        print_text(last->text);
    else
        fputs("null", stdout);
    fputs(",\"age_seconds\":", stdout);
    print_seconds(last->age);
    fputs(",\"duration_seconds\":", stdout);
    print_seconds(last->duration);
    fputs(",\"retired_seconds\":", stdout);
    print_seconds(last->left);
    fputs("}}", stdout);
}

static void print_refusals(const struct report *records, size_t count)
{
    const struct report *refusals = next_record(records, count, NULL, REPORT_REFUSALS);

    printf(",\"refused_messages\":%lld", refusals ? (long long)refusals->count : 0);
}

static void print_settings(const struct report *records, size_t count)
{
    bool first = true;
    const struct report *at = NULL;

    fputs(",\"settings\":{", stdout);
    while ((at = next_record(records, count, at, REPORT_SETTING))) {
        separate(&first);
        print_text(at->name);
        putchar(':');
        print_text(at->text);
    }
    putchar('}');
}

void show_json(const struct report *records, size_t count)
{
    const struct report *service = next_record(records, count, NULL, REPORT_SERVICE);

    if (!service)
        return;
    printf("{\"pid\":%d,\"version\":", service->pid);
    print_text(service->name);
    fputs(",\"command\":", stdout);
    print_text(service->text);
    printf(",\"current\":");
    print_count(service->generation ? (int64_t)service->generation : -1);
    fputs(",\"restarts\":", stdout);
    print_count(service->count);
    putchar(',');
    print_generations(records, count);
    print_listeners(records, count);
    print_upgrades(records, count);
    print_refusals(records, count);
    print_settings(records, count);
    puts("}");
}

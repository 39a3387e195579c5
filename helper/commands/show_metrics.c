/* A status in the text format of Prometheus, for a collector of such files. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "helper/base/clock.h"
#include "helper/base/plain.h"
#include "helper/outside/reports.h"
#include "show.h"

static void head(const char *name, const char *type, const char *help)
{
    printf("# HELP tfpreload_%s %s\n# TYPE tfpreload_%s %s\n", name, help, name, type);
}

static void show_upgrades(const struct report *records, size_t count)
{
    const struct report *sum = next_record(records, count, NULL, REPORT_UPGRADES);
    const struct report *last = next_record(records, count, NULL, REPORT_OUTCOME);

    if (sum) {
        head("upgrades_total", "counter", "Upgrades by outcome.");
        printf("tfpreload_upgrades_total{outcome=\"ready\"} %lld\n"
               "tfpreload_upgrades_total{outcome=\"failed\"} %lld\n"
               "tfpreload_upgrades_total{outcome=\"rolled_back\"} %lld\n",
               (long long)sum->count, (long long)sum->limit, (long long)sum->left);
    }
    if (!last)
        return;
    head("last_upgrade_success", "gauge", "Whether the last upgrade was ready.");
    printf("tfpreload_last_upgrade_success %d\n", strcmp(last->name, "ready") == 0);
    head("last_upgrade_duration_seconds", "gauge", "From its request to its outcome.");
    printf("tfpreload_last_upgrade_duration_seconds %.6f\n",
           (double)last->duration / (double)SECOND);
    head("last_upgrade_age_seconds", "gauge", "Since its outcome.");
    printf("tfpreload_last_upgrade_age_seconds %.3f\n", (double)last->age / (double)SECOND);
}

static void show_refusals(const struct report *records, size_t count)
{
    const struct report *refusals = next_record(records, count, NULL, REPORT_REFUSALS);

    if (!refusals)
        return;
    head("refused_messages_total", "counter",
         "Connections, messages and notices that were refused.");
    printf("tfpreload_refused_messages_total %lld\n", (long long)refusals->count);
}

/* Of the one that serves those that are open, of the others what they have left. */
static void show_connections(const struct report *records, size_t count, unsigned current)
{
    long long left = 0;
    const struct report *at = NULL;

    head("connections", "gauge", "Connections that are open, by generation.");
    while ((at = next_record(records, count, at, REPORT_GENERATION))) {
        if (at->count < 0)
            continue;
        printf("tfpreload_connections{generation=\"%u\"} %lld\n", at->generation,
               (long long)at->count);
        if (at->generation != current)
            left += at->count;
    }
    head("draining_connections", "gauge", "Connections that older generations have left.");
    printf("tfpreload_draining_connections %lld\n", left);
}

static void show_generations(const struct report *records, size_t count)
{
    static const char *const states[] = {"collecting", "awaiting", "restarting", "starting",
                                         "settling",   "ready",    "unready",    "retiring",
                                         "draining",   "stopping"};
    const struct report *at = NULL;

    head("generations", "gauge", "Generations by state.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        int number = 0;

        for (at = NULL; (at = next_record(records, count, at, REPORT_GENERATION));)
            number += strcmp(at->name, states[i]) == 0;
        printf("tfpreload_generations{state=\"%s\"} %d\n", states[i], number);
    }
}

static void show_processes(const struct report *records, size_t count)
{
    const struct report *generation = NULL;

    head("processes", "gauge", "Processes by generation.");
    while ((generation = next_record(records, count, generation, REPORT_GENERATION))) {
        const struct report *process = NULL;
        int number = 0;

        while ((process = next_record(records, count, process, REPORT_PROCESS)))
            number += process->generation == generation->generation;
        printf("tfpreload_processes{generation=\"%u\"} %d\n", generation->generation, number);
    }
}

/* The format knows three escapes, and lines: other control characters have no place in it. */
static void print_label(const char *text)
{
    while (*text) {
        bool control;
        size_t length = read_character(text, &control);

        if (*text == '\n')
            fputs("\\n", stdout);
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if (length == 0 || control)
            putchar('?');
        else
            printf("%.*s", (int)length, text);
        text += length ? length : 1;
    }
}

static bool same_labels(const struct report *one, const struct report *other)
{
    return strcmp(one->name, other->name) == 0 && strcmp(one->text, other->text) == 0;
}

/* The sum over listeners of the same address (SO_REUSEPORT): a series may be there only once. */
static void show_sum(const char *name, const struct report *records, size_t count, bool limit)
{
    const struct report *at = NULL;

    while ((at = next_record(records, count, at, REPORT_LISTENER))) {
        const struct report *other = next_record(records, count, NULL, REPORT_LISTENER);
        long long sum = 0;

        while (other < at && !same_labels(other, at))
            other = next_record(records, count, other, REPORT_LISTENER);
        if (other < at || (limit && at->limit < 0))
            continue;
        for (; other; other = next_record(records, count, other, REPORT_LISTENER))
            if (same_labels(other, at))
                sum += limit ? other->limit : other->count;
        printf("tfpreload_%s{kind=\"", name);
        print_label(at->name);
        fputs("\",address=\"", stdout);
        print_label(at->text);
        printf("\"} %lld\n", sum);
    }
}

static void show_queues(const struct report *records, size_t count)
{
    head("listener_queue", "gauge",
         "Connections, or bytes of datagrams, that wait to be taken from a listener.");
    show_sum("listener_queue", records, count, false);
    head("listener_queue_limit", "gauge", "How many connections may wait.");
    show_sum("listener_queue_limit", records, count, true);
}

void show_metrics(const struct report *records, size_t count)
{
    const struct report *service = next_record(records, count, NULL, REPORT_SERVICE);

    if (!service)
        return;
    head("info", "gauge", "The version of tfhelper.");
    fputs("tfpreload_info{version=\"", stdout);
    print_label(service->name);
    fputs("\"} 1\n", stdout);
    head("current_generation", "gauge", "The generation that serves; 0 if none does.");
    printf("tfpreload_current_generation %u\n", service->generation);
    head("restarts_total", "counter", "Restarts of a server that had ended by itself.");
    printf("tfpreload_restarts_total %lld\n", (long long)(service->count > 0 ? service->count : 0));
    show_upgrades(records, count);
    show_refusals(records, count);
    show_generations(records, count);
    show_connections(records, count, service->generation);
    show_processes(records, count);
    show_queues(records, count);
}

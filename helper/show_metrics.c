/* A status in the text format of Prometheus, for a collector of such files. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "reports.h"
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
               "tfpreload_upgrades_total{outcome=\"failed\"} %lld\n",
               (long long)sum->count, (long long)sum->limit);
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

static void show_generations(const struct report *records, size_t count)
{
    static const char *const states[] = {"collecting", "starting", "settling", "ready",
                                         "unready",    "retiring", "draining", "stopping"};
    long long connections = 0;
    const struct report *at = NULL;

    head("generations", "gauge", "Generations by state.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        int number = 0;

        for (at = NULL; (at = next_record(records, count, at, REPORT_GENERATION));)
            number += strcmp(at->name, states[i]) == 0;
        printf("tfpreload_generations{state=\"%s\"} %d\n", states[i], number);
    }
    for (at = NULL; (at = next_record(records, count, at, REPORT_GENERATION));)
        connections += at->count > 0 ? at->count : 0;
    head("draining_connections", "gauge", "Connections that older generations have left.");
    printf("tfpreload_draining_connections %lld\n", connections);
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
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", stdout);
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar((unsigned char)*text < 0x20 ? '?' : *text);
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
        printf("tfpreload_%s{kind=\"%s\",address=\"", name, at->name);
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
    printf("tfpreload_info{version=\"%s\"} 1\n", service->name);
    head("current_generation", "gauge", "The generation that serves; 0 if none does.");
    printf("tfpreload_current_generation %u\n", service->generation);
    show_upgrades(records, count);
    show_generations(records, count);
    show_processes(records, count);
    show_queues(records, count);
}

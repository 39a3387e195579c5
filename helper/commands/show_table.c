/* A status as a person reads it. The texts of its records are plain. */
#include <stdio.h>
#include <string.h>

#include "helper/base/clock.h"
#include "helper/outside/reports.h"
#include "show.h"

enum { PIDS_SHOWN = 6 };

const struct report *next_record(const struct report *records, size_t count,
                                 const struct report *from, int kind)
{
    for (const struct report *at = from ? from + 1 : records; at < records + count; at++)
        if (at->kind == kind)
            return at;
    return NULL;
}

#define FOR_EACH(record, kind)                                                                     \
    for (const struct report *record = next_record(records, count, NULL, kind); record;            \
         record = next_record(records, count, record, kind))

/* "4711 4712 …": the first few, and how many more. */
static void print_pids(const struct report *records, size_t count, unsigned generation)
{
    char text[128] = "";
    size_t used = 0;
    size_t more = 0;

    FOR_EACH(process, REPORT_PROCESS)
    {
        if (process->generation != generation)
            continue;
        if (more++ < PIDS_SHOWN)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", used ? " " : "",
                                     process->pid);
    }
    if (more > PIDS_SHOWN)
        snprintf(text + used, sizeof text - used, " and %zu more", more - PIDS_SHOWN);
    printf("  %s", *text ? text : "-");
}

/* Who keeps it from ending, as far as is known: a line each. */
static void print_clients(const struct report *records, size_t count, unsigned generation)
{
    FOR_EACH(client, REPORT_CLIENT)
    {
        if (client->generation != generation)
            continue;
        printf("%-10s  %s: %lld bytes pending", "", client->text, (long long)client->count);
        if (client->age >= 0)
            printf(", quiet for %s", duration_text(client->age));
        puts(client->limit == 1 ? ", in progress" : "");
    }
}

static void print_refusals(const struct report *records, size_t count)
{
    const struct report *refusals = next_record(records, count, NULL, REPORT_REFUSALS);

    if (refusals && refusals->count > 0)
        printf("refused messages: %lld\n", (long long)refusals->count);
}

static void print_generations(const struct report *records, size_t count)
{
    printf("\n%-10s  %-10s  %8s  %11s  %8s  %s\n", "GENERATION", "STATE", "AGE", "CONNECTIONS",
           "DEADLINE", "PROCESSES");
    FOR_EACH(generation, REPORT_GENERATION)
    {
        char connections[24] = "-";

        if (generation->count >= 0)
            snprintf(connections, sizeof connections, "%lld", (long long)generation->count);
        printf("%-10u  %-10s  %8s  %11s  %8s", generation->generation, generation->name,
               duration_text(generation->age), connections,
               generation->left >= 0 ? duration_text(generation->left) : "-");
        print_pids(records, count, generation->generation);
        putchar('\n');
        print_clients(records, count, generation->generation);
    }
}

static void print_listeners(const struct report *records, size_t count)
{
    if (!next_record(records, count, NULL, REPORT_LISTENER))
        return;
    printf("\n%-14s  %-40s  %8s  %8s\n", "LISTENER", "ADDRESS", "QUEUE", "LIMIT");
    FOR_EACH(listener, REPORT_LISTENER)
    {
        printf("%-14s  %-40s  %8lld", listener->name, listener->text, (long long)listener->count);
        if (listener->limit >= 0)
            printf("  %8lld\n", (long long)listener->limit);
        else
            printf("  %8s\n", "-");
    }
}

static void print_upgrades(const struct report *records, size_t count)
{
    const struct report *sum = next_record(records, count, NULL, REPORT_UPGRADES);
    const struct report *last = next_record(records, count, NULL, REPORT_OUTCOME);

    if (sum)
        printf("upgrades: %lld ready, %lld failed", (long long)sum->count, (long long)sum->limit);
    if (sum && sum->left > 0)
        printf(", %lld rolled back", (long long)sum->left);
    if (sum)
        putchar('\n');
    if (!last)
        return;
    printf("last upgrade: generation %u %s after %s, %s ago", last->generation, last->name,
           duration_text(last->duration), duration_text(last->age));
    if (*last->text)
        printf(": %s", last->text);
    else if (last->left >= 0)
        printf("; its predecessor retired within %s", duration_text(last->left));
    putchar('\n');
}

static void print_settings(const struct report *records, size_t count)
{
    printf("\n%-16s  %s\n", "SETTING", "VALUE");
    FOR_EACH(setting, REPORT_SETTING)
    printf("%-16s  %s\n", setting->name, *setting->text ? setting->text : "-");
}

void show_summary(const struct report *records, size_t count)
{
    const struct report *service = next_record(records, count, NULL, REPORT_SERVICE);
    const struct report *newest = next_record(records, count, NULL, REPORT_GENERATION);

    if (service && newest)
        printf("%-8d  %-10u  %-10s  %8s  %s\n", service->pid, newest->generation, newest->name,
               duration_text(newest->age), service->text);
}

void show_table(const struct report *records, size_t count)
{
    const struct report *service = next_record(records, count, NULL, REPORT_SERVICE);

    if (service)
        printf("service %d: %s\n", service->pid, service->text);
    if (service && service->count > 0)
        printf("restarts: %lld\n", (long long)service->count);
    print_upgrades(records, count);
    print_refusals(records, count);
    print_generations(records, count);
    print_listeners(records, count);
    print_settings(records, count);
}

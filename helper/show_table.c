/* A status as a person reads it. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "reports.h"
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

/* Text of a stranger's choice, on one line: a terminal would obey what else is in it. */
static const char *plain(const char *text)
{
    static char line[REPORT_TEXT];
    size_t length = 0;

    for (; text[length] && length + 1 < sizeof line; length++)
        line[length] =
            (unsigned char)text[length] < 0x20 || text[length] == 0x7f ? '?' : text[length];
    line[length] = '\0';
    return line;
}

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
    }
}

static void print_listeners(const struct report *records, size_t count)
{
    if (!next_record(records, count, NULL, REPORT_LISTENER))
        return;
    printf("\n%-14s  %-40s  %8s  %8s\n", "LISTENER", "ADDRESS", "QUEUE", "LIMIT");
    FOR_EACH(listener, REPORT_LISTENER)
    {
        printf("%-14s  %-40s  %8lld", listener->name, plain(listener->text),
               (long long)listener->count);
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
        printf("upgrades: %lld ready, %lld failed\n", (long long)sum->count, (long long)sum->limit);
    if (!last)
        return;
    printf("last upgrade: generation %u %s after %s, %s ago", last->generation, last->name,
           duration_text(last->duration), duration_text(last->age));
    if (*last->text)
        printf(": %s", plain(last->text));
    else if (last->left >= 0)
        printf("; its predecessor retired within %s", duration_text(last->left));
    putchar('\n');
}

static void print_settings(const struct report *records, size_t count)
{
    printf("\n%-14s  %s\n", "SETTING", "VALUE");
    FOR_EACH(setting, REPORT_SETTING)
    printf("%-14s  %s\n", setting->name, *setting->text ? plain(setting->text) : "-");
}

void show_table(const struct report *records, size_t count)
{
    const struct report *service = next_record(records, count, NULL, REPORT_SERVICE);

    if (service)
        printf("service %d: %s\n", service->pid, plain(service->text));
    print_upgrades(records, count);
    print_generations(records, count);
    print_listeners(records, count);
    print_settings(records, count);
}

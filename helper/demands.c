/*
 * A status may be long (a pool of hundreds of workers), and the helper waits
 * for no client: so it goes into a file in memory, whose descriptor is sent.
 */
#include "demands.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "family.h"
#include "generation.h"
#include "listeners.h"
#include "packet.h"
#include "procfile.h"
#include "reports.h"
#include "settings.h"
#include "shutdown.h"
#include "story.h"
#include "upgrade.h"

static void put(FILE *file, const struct report *report)
{
    fwrite(report, sizeof *report, 1, file);
}

/* Not before the first generation is ready, nor once the service is to end. */
static bool serves(void)
{
    return current && current->state == READY;
}

static void put_service(FILE *file)
{
    struct report report = new_report(REPORT_SERVICE);
    size_t used = 0;

    report.pid = getpid();
    report.generation = serves() ? current->number : 0;
    snprintf(report.name, sizeof report.name, "%s", TFP_VERSION_TEXT);
    for (char **word = settings.command; *word && used < sizeof report.text; word++)
        used += (size_t)snprintf(report.text + used, sizeof report.text - used, "%s%s",
                                 word == settings.command ? "" : " ", *word);
    put(file, &report);
}

static void put_generation(FILE *file, const struct generation *generation)
{
    struct report report = new_report(REPORT_GENERATION);

    report.generation = generation->number;
    report.pid = generation->first;
    report.age = generation->started ? now() - generation->started : 0;
    report.count = generation->state == DRAINING ? (int64_t)generation->connections : -1;
    if (generation->deadline != 0 && generation->state != READY)
        report.left = generation->deadline > now() ? generation->deadline - now() : 0;
    snprintf(report.name, sizeof report.name, "%s",
             generation->state == READY && generation->unready ? UNREADY
                                                               : state_name(generation->state));
    put(file, &report);
}

static void put_processes(FILE *file)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        struct report report = new_report(REPORT_PROCESS);

        report.generation = family->member[i].generation;
        report.pid = family->member[i].pid;
        read_proc_file(report.pid, "comm", report.name, sizeof report.name);
        report.name[strcspn(report.name, "\n")] = '\0';
        if (find_generation(report.generation))
            put(file, &report);
    }
}

static void put_listener(const struct listener *listener, void *file)
{
    struct report report = new_report(REPORT_LISTENER);

    report.generation = current->number;
    report.count = listener->queue;
    report.limit = listener->limit;
    snprintf(report.name, sizeof report.name, "%s", listener->kind);
    snprintf(report.text, sizeof report.text, "%s", listener->address);
    put(file, &report);
}

static void put_settings(FILE *file)
{
    const char *name;
    char value[REPORT_TEXT];

    for (size_t k = 0; nth_setting(k, &name, value, sizeof value); k++) {
        struct report report = new_report(REPORT_SETTING);

        snprintf(report.name, sizeof report.name, "%s", name);
        snprintf(report.text, sizeof report.text, "%s", value);
        put(file, &report);
    }
}

static void put_upgrades(FILE *file)
{
    struct report report = new_report(REPORT_UPGRADES);

    report.count = (int64_t)last_outcome.ready_ones;
    report.limit = (int64_t)last_outcome.failed_ones;
    put(file, &report);
    if (last_outcome.generation == 0)
        return;
    report = new_report(REPORT_OUTCOME);
    report.generation = last_outcome.generation;
    report.age = now() - last_outcome.ended;
    report.duration = last_outcome.took;
    report.left = last_outcome.failed || !last_outcome.retired ? -1 : last_outcome.retired;
    snprintf(report.name, sizeof report.name, "%s", last_outcome.failed ? "failed" : "ready");
    snprintf(report.text, sizeof report.text, "%s", last_outcome.reason);
    put(file, &report);
}

static void put_summary(FILE *file)
{
    put_service(file);
    for (const struct generation *g = generations; g; g = g->older)
        if (g->state != GONE)
            put_generation(file, g);
}

static void put_status(FILE *file)
{
    put_summary(file);
    put_processes(file);
    if (serves()) /* one that ends has but what listens to nobody in their place */
        for_each_listener(current, put_listener, file);
    put_upgrades(file);
    put_settings(file);
}

static bool send_status(int fd, void (*put_records)(FILE *file))
{
    int memory = memfd_create("tfpreload status", MFD_CLOEXEC);
    FILE *file = memory == -1 ? NULL : fdopen(memory, "w");
    struct report report = new_report(REPORT_STATUS);
    struct packet packet = {&report, sizeof report, &memory, 1, NULL, 0};
    bool sent;

    if (!file) {
        if (memory != -1)
            close(memory);
        return false;
    }
    put_records(file);
    sent = fflush(file) == 0 && lseek(memory, 0, SEEK_SET) == 0 && send_packet(fd, &packet);
    fclose(file);
    return sent;
}

bool meet_demand(int fd, unsigned demand)
{
    switch (demand) {
    case DEMAND_STATUS:
        return send_status(fd, put_status);
    case DEMAND_SUMMARY:
        return send_status(fd, put_summary);
    case DEMAND_WATCH:
        return true;
    case DEMAND_UPGRADE:
        request_upgrade();
        return true;
    case DEMAND_STOP:
        shut_down();
        return true;
    default:
        return false;
    }
}

/*
 * A status may be long (a pool of hundreds of workers), and the helper waits
 * for no client: so it goes into a file in memory, whose descriptor is sent.
 */
#include "demands.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/drain/holders.h"
#include "helper/drain/open_connections.h"
#include "helper/generation/generation.h"
#include "helper/kernel/memory_file.h"
#include "helper/kernel/procfile.h"
#include "helper/lifecycle/drain.h"
#include "helper/lifecycle/probation.h"
#include "helper/lifecycle/self.h"
#include "helper/lifecycle/shutdown.h"
#include "helper/lifecycle/signalling.h"
#include "helper/lifecycle/upgrade.h"
#include "helper/outside/reports.h"
#include "helper/outside/story.h"
#include "helper/processes/asker.h"
#include "helper/processes/family.h"
#include "helper/processes/held_listeners.h"
#include "helper/processes/refusals.h"
#include "helper/settings/settings.h"
#include "preload/wire/packet.h"
#include "preload/wire/protocol.h"

static void put(FILE *file, const struct report *report)
{
    fwrite(report, sizeof *report, 1, file);
}

/* Not before the first generation is ready, nor once the service is to end. */
static bool serves(void)
{
    return current && is_serving(current->state);
}

static void put_service(FILE *file)
{
    struct report report = new_report(REPORT_SERVICE);
    size_t used = 0;

    report.pid = getpid();
    report.generation = serves() ? current->number : 0;
    report.count = (int64_t)last_outcome.restarts;
    snprintf(report.name, sizeof report.name, "%s", TFP_VERSION_TEXT);
    for (char **word = settings.command; *word && used < sizeof report.text; word++)
        used += (size_t)snprintf(report.text + used, sizeof report.text - used, "%s%s",
                                 word == settings.command ? "" : " ", *word);
    put(file, &report);
}

/* Those that are left, or, if that is `looked` for, those of the one that serves; -1: not known. */
static int64_t connections_of(struct generation *generation, bool looked)
{
    if (is_draining(generation->state))
        return (int64_t)generation->drainage.connections;
    return looked && is_serving(generation->state) ? count_open_connections(generation) : -1;
}

static void put_generation(FILE *file, struct generation *generation, bool looked)
{
    struct report report = new_report(REPORT_GENERATION);

    report.generation = generation->number;
    report.pid = generation->first;
    report.age = generation->started ? now() - generation->started : 0;
    report.count = connections_of(generation, looked);
    if (!is_serving(generation->state))
        report.left = time_left(generation);
    snprintf(report.name, sizeof report.name, "%s", state_name(generation->state));
    put(file, &report);
}

static void put_clients(FILE *file)
{
    for (const struct generation *g = generations; g; g = g->older) {
        struct holders holders = is_draining(g->state) ? look_at_holders(g) : (struct holders){0};

        for (size_t i = 0; i < holders.count; i++) {
            struct report report = new_report(REPORT_CLIENT);

            report.generation = g->number;
            report.count = holders.item[i].pending;
            report.age = holders.item[i].quiet;
            report.limit = holders.item[i].in_progress;
            snprintf(report.text, sizeof report.text, "%s", holders.item[i].peer);
            put(file, &report);
        }
    }
}

static void put_processes(FILE *file)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        struct report report = new_report(REPORT_PROCESS);

        report.generation = family->member[i].generation;
        report.pid = family->member[i].pid;
        read_command(report.pid, report.name);
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
    report.left = (int64_t)last_outcome.rolled_back_ones;
    put(file, &report);
    if (last_outcome.generation == 0)
        return;
    report = new_report(REPORT_OUTCOME);
    report.generation = last_outcome.generation;
    report.age = now() - last_outcome.ended;
    report.duration = last_outcome.took;
    report.left = last_outcome.failed || !last_outcome.retired ? -1 : last_outcome.retired;
    snprintf(report.name, sizeof report.name, "%s",
             last_outcome.rolled_back ? "rolled back"
             : last_outcome.failed    ? "failed"
                                      : "ready");
    snprintf(report.text, sizeof report.text, "%s", last_outcome.reason);
    put(file, &report);
}

static void put_refusals(FILE *file)
{
    struct report report = new_report(REPORT_REFUSALS);

    report.count = count_refusals();
    put(file, &report);
}

static void put_generations(FILE *file, bool looked)
{
    for (struct generation *g = generations; g; g = g->older)
        if (!is_gone(g->state))
            put_generation(file, g, looked);
}

/* What many ask, to know what to wait for: it costs nothing. */
static void put_summary(FILE *file)
{
    put_service(file);
    put_generations(file, false);
}

static void put_status(FILE *file)
{
    put_service(file);
    put_generations(file, true);
    put_processes(file);
    put_clients(file);
    if (serves()) /* one that ends has but what listens to nobody in their place */
        for_each_listener(current->number, put_listener, file);
    put_upgrades(file);
    put_refusals(file);
    put_settings(file);
}

static bool send_status(int fd, void (*put_records)(FILE *file))
{
    int memory = open_memory_file("tfpreload status");
    FILE *file = memory == -1 ? NULL : fdopen(memory, "w");
    struct report report = new_report(REPORT_STATUS);
    const struct outgoing packet = {
        .data = &report, .size = sizeof report, .descriptors = &memory, .count = 1};
    bool sent;

    if (!file) {
        if (memory != -1)
            close(memory);
        return false;
    }
    put_records(file);
    sent = fflush(file) == 0 && lseek(memory, 0, SEEK_SET) == 0 &&
           send_packet(fd, &packet, MSG_DONTWAIT) == 0;
    fclose(file);
    return sent;
}

static void upgrade_demanded(const struct ucred *peer, int64_t hold)
{
    char asker[ASKER_TEXT];

    write_asker(asker, peer->pid, (int)peer->uid);
    request_upgrade(asker, hold);
}

static void renewal_demanded(const struct ucred *peer)
{
    char asker[ASKER_TEXT];

    write_asker(asker, peer->pid, (int)peer->uid);
    request_renewal(asker);
}

/* Of the order signal nobody may make anything but orders. */
static bool signal_demanded(int fd, const struct ucred *peer, int number)
{
    struct report report = new_report(REPORT_SIGNALLED);
    const struct outgoing packet = {.data = &report, .size = sizeof report};
    char sender[ASKER_TEXT];

    if (number == ORDER_SIGNAL)
        return false;
    if (ends_service(number)) {
        write_signaller(sender, number, peer->pid, (int)peer->uid);
        told_to_end(sender);
    }
    signal_every_generation(number, report.text, sizeof report.text);
    return send_packet(fd, &packet, MSG_DONTWAIT) == 0;
}

static void cut_as_demanded(unsigned number)
{
    struct generation *generation = find_generation(number);
    char why[64];

    if (generation && cut_short(generation, "it was asked for"))
        return;
    snprintf(why, sizeof why, "generation %u does not drain", number);
    tell_refused(why);
}

bool meet_demand(int fd, const struct ucred *peer, const struct message *message)
{
    switch (message->kind) {
    case DEMAND_STATUS:
        return send_status(fd, put_status);
    case DEMAND_SUMMARY:
        return send_status(fd, put_summary);
    case DEMAND_WATCH:
        return true;
    case DEMAND_UPGRADE:
        upgrade_demanded(peer, (int64_t)message->count * MILLISECOND);
        return true;
    case DEMAND_COMMIT:
        commit_upgrade();
        return true;
    case DEMAND_ROLL_BACK:
        roll_back_as_asked();
        return true;
    case DEMAND_SIGNAL:
        return signal_demanded(fd, peer, message->signal_number);
    case DEMAND_CUT:
        cut_as_demanded(message->count);
        return true;
    case DEMAND_RENEWAL:
        renewal_demanded(peer);
        return true;
    case DEMAND_STOP:
        shut_down();
        return true;
    default:
        return false;
    }
}

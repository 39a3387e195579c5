#include "probe.h"

#include <stddef.h>
#include <stdio.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/processes/tools.h"
#include "helper/settings/environment.h"
#include "helper/settings/settings.h"

/* The same where there was no process for it: that is a line in the log each time. */
static const int64_t retry_pace = SECOND;

static void probe_ended(struct tool *tool, int wait_status)
{
    struct generation *generation =
        (struct generation *)((char *)tool - offsetof(struct generation, signs.probe));

    if (wait_status != TOOL_LOST)
        log_line(LEVEL_DEBUG, "generation %u: the probe %s", generation->number,
                 ending_text(wait_status));
    if (wait_status == 0)
        happen(generation, TOLD);
    else
        happen(generation, DENIED);
}

void run_probe(struct generation *generation)
{
    char *const argv[] = {"/bin/sh", "-c", (char *)settings.ready.command, NULL};
    struct environment environment;
    char number[24];

    if (settings.ready.by != READY_PROBE || generation->signs.probe.pid != 0)
        return;
    environment = copy_environment();
    snprintf(number, sizeof number, "%u", generation->number);
    set_variable(&environment, "TFPRELOAD_GENERATION", number);
    snprintf(number, sizeof number, "%d", generation->first);
    set_variable(&environment, "TFPRELOAD_PID", number);
    if (!run_tool(&generation->signs.probe, argv, &environment, probe_ended))
        generation->next_timer = now() + retry_pace;
    free_environment(&environment);
}

void end_probe(struct generation *generation)
{
    if (generation->signs.probe.pid != 0)
        kill_tool(&generation->signs.probe);
}

#include "probe.h"

#include <stddef.h>
#include <stdio.h>

#include "clock.h"
#include "environment.h"
#include "generation.h"
#include "log.h"
#include "settings.h"
#include "tools.h"

/* Between the failure of one and the start of the next. */
static const int64_t probe_pace = 50 * MILLISECOND;

/* The same where there was no process for it: that is a line in the log each time. */
static const int64_t retry_pace = SECOND;

static void probe_ended(struct tool *tool, int wait_status)
{
    struct generation *generation =
        (struct generation *)((char *)tool - offsetof(struct generation, probe));

    if (wait_status != TOOL_LOST)
        log_line(LEVEL_DEBUG, "generation %u: the probe %s", generation->number,
                 ending_text(wait_status));
    if (wait_status == 0)
        happen(generation, TOLD);
    else
        generation->next_timer = now() + probe_pace;
}

void run_probe(struct generation *generation)
{
    char *const argv[] = {"/bin/sh", "-c", (char *)settings.ready.command, NULL};
    struct environment environment;
    char number[24];

    if (settings.ready.by != READY_PROBE || generation->probe.pid != 0)
        return;
    environment = copy_environment();
    snprintf(number, sizeof number, "%u", generation->number);
    set_variable(&environment, "TFPRELOAD_GENERATION", number);
    snprintf(number, sizeof number, "%d", generation->first);
    set_variable(&environment, "TFPRELOAD_PID", number);
    if (!run_tool(&generation->probe, argv, &environment, probe_ended))
        generation->next_timer = now() + retry_pace;
    free_environment(&environment);
}

void end_probe(struct generation *generation)
{
    if (generation->probe.pid != 0)
        kill_tool(&generation->probe);
}

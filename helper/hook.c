/*
 * An event is put into an environment at once, while its facts are at hand, and
 * waits for its turn in a queue. One that is slower than events come loses the
 * newest.
 */
#include "hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "environment.h"
#include "generation.h"
#include "log.h"
#include "memory.h"
#include "settings.h"
#include "tools.h"

enum { MOST_CALLS = 64 };

struct call {
    struct call *next;
    const char *event;
    unsigned generation;
    struct environment environment;
};

static struct call *calls;
static size_t call_count;
static struct tool running;
static const char *running_event;
static unsigned running_generation;

static void set_number(struct environment *environment, const char *name, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    set_variable(environment, name, text);
}

static void free_call(struct call *call)
{
    free_environment(&call->environment);
    free(call);
}

static void hook_ended(struct tool *tool, int wait_status);

/* Start the next one that can be, if none runs. */
static void next_call(void)
{
    char *const argv[] = {(char *)settings.hook, NULL};

    while (calls && running.pid == 0) {
        struct call *call = calls;

        calls = call->next;
        call_count--;
        running_event = call->event;
        running_generation = call->generation;
        run_tool(&running, argv, &call->environment, hook_ended);
        free_call(call);
    }
}

static void hook_ended(struct tool *tool, int wait_status)
{
    (void)tool;
    if (wait_status != 0 && wait_status != TOOL_LOST)
        log_line(LEVEL_ERROR, "the hook %s %s, called for generation %u: %s", settings.hook,
                 ending_text(wait_status), running_generation, running_event);
    next_call();
}

static void append(struct call *call)
{
    struct call **at = &calls;

    while (*at)
        at = &(*at)->next;
    *at = call;
    call_count++;
}

void call_hook(const char *event, const struct generation *generation, int64_t took,
               const char *reason)
{
    struct call *call;

    if (!settings.hook)
        return;
    if (call_count == MOST_CALLS) {
        log_line(LEVEL_ERROR, "the hook %s is too slow: generation %u: %s is not told",
                 settings.hook, generation->number, event);
        return;
    }
    call = allocate(1, sizeof *call);
    call->event = event;
    call->generation = generation->number;
    call->environment = copy_environment();
    set_variable(&call->environment, "TFPRELOAD_EVENT", event);
    set_number(&call->environment, "TFPRELOAD_GENERATION", generation->number);
    set_number(&call->environment, "TFPRELOAD_PID", generation->first);
    set_number(&call->environment, "TFPRELOAD_SERVICE_PID", getpid());
    set_number(&call->environment, "TFPRELOAD_DURATION_MS", took / MILLISECOND);
    if (reason)
        set_variable(&call->environment, "TFPRELOAD_REASON", reason);
    append(call);
    next_call();
}

void flush_hooks(void)
{
    while (calls) {
        running.pid = 0; /* what runs goes on without us */
        next_call();
    }
}

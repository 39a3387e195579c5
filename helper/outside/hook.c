/*
 * An event is put into an environment at once, while its facts are at hand, and
 * waits for its turn in a queue. One that is slower than events come loses the
 * newest.
 */
#include "hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/base/plain.h"
#include "helper/generation/generation.h"
#include "helper/processes/tools.h"
#include "helper/settings/environment.h"
#include "helper/settings/settings.h"

enum { MOST_CALLS = 64, EVENT_TEXT = 32 };

struct call {
    struct call *next;
    char event[EVENT_TEXT];
    unsigned generation;
    struct environment environment;
};

static struct call *calls;
static size_t call_count;
static struct tool running;
static char running_event[EVENT_TEXT];
static unsigned running_generation;

/* A hook may well write it where a terminal obeys it, or make lines of it. */
static void set_text(struct environment *environment, const char *name, const char *text)
{
    char plain[1024];

    snprintf(plain, sizeof plain, "%s", text);
    set_variable(environment, name, make_plain(plain));
}

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
        strcpy(running_event, call->event);
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
    snprintf(call->event, sizeof call->event, "%s", event);
    call->generation = generation->number;
    call->environment = copy_environment();
    set_variable(&call->environment, "TFPRELOAD_EVENT", event);
    set_number(&call->environment, "TFPRELOAD_GENERATION", generation->number);
    set_number(&call->environment, "TFPRELOAD_PID", generation->first);
    set_number(&call->environment, "TFPRELOAD_SERVICE_PID", getpid());
    set_number(&call->environment, "TFPRELOAD_DURATION_MS", took / MILLISECOND);
    if (reason)
        set_text(&call->environment, "TFPRELOAD_REASON", reason);
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

/* What call_hook() sets. One that is not set is carried as an empty text. */
static void carry_variable(struct carrier *carrier, struct environment *environment,
                           const char *name)
{
    const char *given = value_of(environment, name);
    char text[1024];

    snprintf(text, sizeof text, "%s", given && !is_reading(carrier) ? given : "");
    carry_text(carrier, name, text, sizeof text);
    if (is_reading(carrier) && *text)
        set_variable(environment, name, text);
}

static void carry_call(struct carrier *carrier, struct call *call)
{
    static const char *const names[] = {"TFPRELOAD_EVENT",       "TFPRELOAD_GENERATION",
                                        "TFPRELOAD_PID",         "TFPRELOAD_SERVICE_PID",
                                        "TFPRELOAD_DURATION_MS", "TFPRELOAD_REASON"};

    carry_text(carrier, "event", call->event, sizeof call->event);
    call->generation =
        (unsigned)carry_number(carrier, "of-generation", call->generation, 0, UINT32_MAX);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        carry_variable(carrier, &call->environment, names[i]);
}

static void forget_calls(void)
{
    while (calls) {
        struct call *call = calls;

        calls = call->next;
        free_call(call);
    }
    call_count = 0;
}

static void carry_waiting(struct carrier *carrier)
{
    size_t count = carry_count(carrier, "hooks-waiting", call_count, MOST_CALLS);
    struct call *call = calls;

    if (is_reading(carrier)) /* of what was read before */
        forget_calls();
    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier)) {
            call = allocate(1, sizeof *call);
            call->environment = copy_environment();
            append(call);
        }
        carry_call(carrier, call);
        call = call->next;
    }
}

void carry_hooks(struct carrier *carrier)
{
    pid_t pid = (pid_t)carry_number(carrier, "hook-running", running.pid, 0, INT32_MAX);

    carry_text(carrier, "hook-event", running_event, sizeof running_event);
    running_generation =
        (unsigned)carry_number(carrier, "hook-generation", running_generation, 0, UINT32_MAX);
    carry_waiting(carrier);
    if (is_reading(carrier)) /* of what was read before */
        forget_tool(&running);
    if (is_reading(carrier) && !has_fault(carrier) && pid != 0)
        expect_tool(&running, pid, hook_ended);
}

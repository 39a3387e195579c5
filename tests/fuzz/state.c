/* What a helper reads that was executed in the place of another one: helper/service/state.c. */
#include "helper/service/state.h"

#include "fuzz.h"
#include "helper/base/carry.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/settings/settings.h"
#include "helper/trace/trace.h"

static void serve_nothing(struct watch *watch)
{
    (void)watch;
}

/* In the place of helper/base/log.c, so that it can be forgotten where the log goes. */
static bool to_syslog;

void set_log_level(enum log_level level)
{
    (void)level;
}

void set_log_format(enum log_format format)
{
    (void)format;
}

void log_to_syslog(void)
{
    to_syslog = true;
}

bool logs_to_syslog(void)
{
    return to_syslog;
}

void log_line(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

static void free_trace(struct generation *generation)
{
    if (generation->trace) {
        free(generation->trace->bound);
        free(generation->trace->deafened.item);
        free(generation->trace->deafened.lost);
    }
    free(generation->trace);
    generation->trace = NULL;
}

/* Without closing anything: its descriptors are nobody's. */
static void forget_generations(void)
{
    struct generation *generation;

    while ((generation = generations)) {
        generations = generation->older;
        generation->program = generation->fallback = NO_PROGRAM;
        generation->inheritance.count = 0;
        free_trace(generation);
        free(generation->peers);
        generation->peers = NULL;
        free_generation(generation);
    }
    current = NULL;
}

struct lines {
    const char *next, *end;
};

/* The next one, with its newline. */
static size_t take_line(struct lines *lines, const char **line)
{
    const char *newline = memchr(lines->next, '\n', (size_t)(lines->end - lines->next));

    *line = lines->next;
    lines->next = newline ? newline + 1 : lines->end;
    return (size_t)(lines->next - *line);
}

static bool begins(const char *line, size_t length, const char *start)
{
    return length >= strlen(start) && memcmp(line, start, strlen(start)) == 0;
}

/* The guard in the state is the former helper's: who reads it starts one of its own. */
static bool is_of_guard(const char *line, size_t length)
{
    return begins(line, length, "guard=") || begins(line, length, "end-of-guard=");
}

static bool are_same(struct lines one, struct lines other)
{
    const char *line = NULL;
    const char *its = NULL;

    while (one.next < one.end && other.next < other.end) {
        size_t length = take_line(&one, &line);
        size_t its_length = take_line(&other, &its);

        if (!(is_of_guard(line, length) && is_of_guard(its, its_length)) &&
            (length != its_length || memcmp(line, its, length) != 0))
            return false;
    }
    return one.next == one.end && other.next == other.end;
}

/* What is there to be written is what was read. */
static void write_again(struct state_head *head, struct lines read)
{
    char *again = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&again, &length);
    struct carrier carrier = carrier_to(out);

    /* as whoever resumes has it: all that is there is watched */
    for (struct generation *g = generations; g; g = g->older) {
        g->signs.notices.serve = serve_nothing;
        g->signs.ready_pipe.serve = serve_nothing;
    }
    carry_head(&carrier, head);
    carry_state(&carrier);
    fclose(out);
    free_carrier(&carrier);
    HOLDS(are_same((struct lines){again, again + length}, read));
    free(again);
}

static void try_input(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size);
    struct carrier carrier = carrier_from(text, size);
    struct state_head head = {0};

    settings.ready_fd = -1;
    to_syslog = false;
    carry_head(&carrier, &head);
    carry_state(&carrier);
    if (!has_fault(&carrier))
        write_again(&head, (struct lines){text, text + size});
    free_carrier(&carrier);
    forget_generations();
    free(text);
}

/*
 * A server that has been told to reopen its log writes into the new file, and its predecessor,
 * which drains, into the one that was rotated away: so a round reaches each of them.
 */
#include "signalling.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/deliver.h"
#include "helper/processes/family.h"

static bool signal_process(const struct member *member, struct passed_signal passed)
{
    log_line(LEVEL_DEBUG, "signal %d is passed on to process %d", passed.number, member->pid);
    if (passed.queued)
        return queue_to_member(member, 0, passed.number, passed.value);
    return signal_member(member, passed.number);
}

/* Our child, which need not have been seen in a look yet. */
static bool signal_first(const struct generation *generation, struct passed_signal passed)
{
    const struct member first = {.pid = generation->first};

    return generation->first && signal_process(&first, passed);
}

size_t signal_generation(const struct generation *generation, struct passed_signal passed)
{
    const struct family *family;
    size_t reached = 0;

    if (!generation->exited && !generation->stranger)
        return signal_first(generation, passed);
    family = look_at_family();
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation->number &&
            !find_member(family->member[i].parent))
            reached += signal_process(&family->member[i], passed);
    return reached;
}

static uint64_t bit_of(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* Would it end of the signal, since it has not come to setting a handler yet? */
static bool is_too_young(const struct generation *generation, int number)
{
    struct proc_status status;

    return is_on_its_way(generation->state) &&
           (generation->exited || read_status(generation->first, &status) != IS_THERE ||
            !((status.caught | status.blocked) & bit_of(number)));
}

static void append(char *text, size_t size, const struct generation *generation, const char *what)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%sgeneration %u%s", used ? ", " : "", generation->number,
             what);
}

void signal_every_generation(int number, char *text, size_t size)
{
    *text = '\0';
    for (struct generation *g = generations; g; g = g->older) {
        if (g->started == 0 || is_gone(g->state))
            continue;
        if (is_too_young(g, number)) {
            g->kept_signals |= bit_of(number);
            append(text, size, g, " (once it is ready)");
        } else if (signal_generation(g, (struct passed_signal){.number = number}) > 0) {
            append(text, size, g, "");
        }
    }
}

void send_kept_signals(struct generation *generation)
{
    uint64_t kept = generation->kept_signals;

    generation->kept_signals = 0;
    for (int number = 1; kept; number++, kept >>= 1)
        if (kept & 1)
            signal_generation(generation, (struct passed_signal){.number = number});
}

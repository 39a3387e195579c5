#include "events.h"

#include <stddef.h>
#include <stdlib.h>

#include "helper/base/memory.h"

struct entry {
    struct entry *next;
    struct generation *generation;
    enum event event;
};

static struct entry *first;
static struct entry **end = &first;

static const char *const names[EVENTS] = {
    [ANSWERED] = "answered", [WAITING] = "waiting",
    [CLAIMED] = "claimed",   [BOUND] = "bound",
    [TOLD] = "told",         [DENIED] = "denied",
    [TAKEN] = "taken",       [TIMER] = "timer",
    [EXITED] = "exited",     [EMPTY] = "empty",
    [FAILED] = "failed",     [DROPPED] = "dropped",
    [END] = "end",           [ROLL_BACK] = "roll back",
    [RECALLED] = "recalled", [REPLACED] = "replaced",
    [CUT] = "cut",
};

const char *event_name(enum event event)
{
    return names[event];
}

void happen(struct generation *generation, enum event event)
{
    struct entry *entry = allocate(1, sizeof *entry);

    *entry = (struct entry){NULL, generation, event};
    *end = entry;
    end = &entry->next;
}

bool take_event(struct generation **generation, enum event *event)
{
    struct entry *entry = first;

    if (!entry)
        return false;
    *generation = entry->generation;
    *event = entry->event;
    first = entry->next;
    if (!first)
        end = &first;
    free(entry);
    return true;
}

/*
 * The kernel asks whoever has the filter's descriptor, and that stays open over execve(2): calls
 * that come meanwhile wait. None is in our hands between two events.
 */
#include "carry_trace.h"

#include <errno.h>
#include <sys/types.h>

#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/listeners/carry_inheritance.h"
#include "holder.h"
#include "trace.h"

enum { MOST_NOTED = 1 << 20 };

static void carry_bound(struct carrier *carrier, struct bound *bound)
{
    bound->inode =
        (uint64_t)carry_number(carrier, "inode", (int64_t)bound->inode, INT64_MIN, INT64_MAX);
    carry_key(carrier, &bound->key);
    bound->order = (uint32_t)carry_number(carrier, "order", bound->order, 0, UINT32_MAX);
    bound->listens = carry_bool(carrier, "listens", bound->listens);
    bound->polled = carry_bool(carrier, "polled", bound->polled);
}

static void carry_all_bound(struct carrier *carrier, struct trace *trace)
{
    size_t count = carry_count(carrier, "traced-bound", trace->bound_count, MOST_NOTED);

    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            trace->bound = append_item(trace->bound, &trace->bound_count, &(struct bound){0},
                                       sizeof *trace->bound);
        carry_bound(carrier, &trace->bound[i]);
        if (is_reading(carrier))
            count_orders_from(trace->bound[i].order);
    }
}

static void carry_deafened(struct carrier *carrier, struct deafened *deafened)
{
    struct carried_number numbers[] = {
        {deafened->process, 0, INT32_MAX},
        {deafened->number, 0, INT32_MAX},
        {(int64_t)deafened->listener, INT64_MIN, INT64_MAX},
        {(int64_t)deafened->deaf, INT64_MIN, INT64_MAX},
        {deafened->in_ring, 0, 1},
    };

    carry_row(carrier, "deafened", numbers, sizeof numbers / sizeof *numbers);
    deafened->process = (pid_t)numbers[0].value;
    deafened->number = (int)numbers[1].value;
    deafened->listener = (uint64_t)numbers[2].value;
    deafened->deaf = (uint64_t)numbers[3].value;
    deafened->in_ring = numbers[4].value != 0;
}

static void carry_lost(struct carrier *carrier, struct unregistered *lost)
{
    struct registration *registration = &lost->registration;
    struct carried_number numbers[] = {
        {lost->process, 0, INT32_MAX},
        {registration->set, 0, INT32_MAX},
        {registration->number, 0, INT32_MAX},
        {registration->events, 0, UINT32_MAX},
        {(int64_t)registration->data, INT64_MIN, INT64_MAX},
        {(int64_t)registration->inode, INT64_MIN, INT64_MAX},
    };

    carry_row(carrier, "unregistered", numbers, sizeof numbers / sizeof *numbers);
    lost->process = (pid_t)numbers[0].value;
    registration->set = (int)numbers[1].value;
    registration->number = (int)numbers[2].value;
    registration->events = (uint32_t)numbers[3].value;
    registration->data = (uint64_t)numbers[4].value;
    registration->inode = (uint64_t)numbers[5].value;
}

static void carry_swapped(struct carrier *carrier, struct deafened_list *list)
{
    size_t count = carry_count(carrier, "deafened-ones", list->count, MOST_NOTED);
    size_t lost;

    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            list->item =
                append_item(list->item, &list->count, &(struct deafened){0}, sizeof *list->item);
        carry_deafened(carrier, &list->item[i]);
    }
    lost = carry_count(carrier, "unregistered-ones", list->lost_count, MOST_NOTED);
    for (size_t i = 0; i < lost && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            list->lost = append_item(list->lost, &list->lost_count, &(struct unregistered){0},
                                     sizeof *list->lost);
        carry_lost(carrier, &list->lost[i]);
    }
}

static void carry_trace(struct carrier *carrier, struct trace *trace)
{
    trace->watch.fd = carry_descriptor(carrier, "filter", trace->watch.fd, MAY_BE_NONE);
    trace->page = carry_descriptor(carrier, "request", trace->page, IS_NEEDED);
    trace->denied = carry_bool(carrier, "denied", trace->denied);
    trace->filters = (unsigned)carry_number(carrier, "filters", trace->filters, 0, UINT32_MAX);
    trace->bound_limit =
        (size_t)carry_number(carrier, "bound-limit", (int64_t)trace->bound_limit, 0, INT64_MAX);
    carry_all_bound(carrier, trace);
    carry_swapped(carrier, &trace->deafened);
}

static struct trace *make_blank(struct generation *generation)
{
    struct trace *blank = allocate(1, sizeof *blank);

    blank->generation = generation;
    blank->watch.fd = blank->page = -1;
    return blank;
}

void carry_traces(struct carrier *carrier)
{
    for (struct generation *g = generations; g && !has_fault(carrier); g = g->older) {
        bool traced = carry_bool(carrier, "traced", g->trace != NULL);

        if (traced && is_reading(carrier))
            g->trace = make_blank(g);
        if (g->trace)
            carry_trace(carrier, g->trace);
    }
    carry_holders(carrier);
}

bool map_trace(struct generation *generation)
{
    if (!generation->trace)
        return true;
    generation->trace->request = map_shared_request(generation->trace->page);
    return generation->trace->request != NULL;
}

void resume_trace(struct generation *generation)
{
    if (generation->trace)
        watch_trace(generation->trace);
}

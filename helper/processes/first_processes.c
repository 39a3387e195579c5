#include "first_processes.h"

#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/procfile.h"
#include "read_member.h"

/* The oldest first. */
static struct first_process *first_processes;
static size_t first_count;

static struct first_process *find(unsigned generation)
{
    for (size_t i = 0; i < first_count; i++)
        if (first_processes[i].generation == generation)
            return &first_processes[i];
    return NULL;
}

void add_first_process(unsigned generation, pid_t pid)
{
    first_processes = grow(first_processes, first_count + 1, sizeof *first_processes);
    first_processes[first_count++] = (struct first_process){.generation = generation, .pid = pid};
}

void first_process_ended(unsigned generation)
{
    struct first_process *first = find(generation);

    if (first)
        first->ended = true;
}

void replace_first_process(unsigned generation, pid_t pid)
{
    struct first_process *first = find(generation);

    if (!first)
        return;
    first->pid = pid;
    first->ended = false;
}

void expect_no_orders(unsigned generation)
{
    struct first_process *first = find(generation);

    if (first)
        first->takes_no_orders = true;
}

void forget_generation(unsigned generation)
{
    struct first_process *first = find(generation);

    if (!first)
        return;
    first_count--;
    for (; first < first_processes + first_count; first++)
        *first = first[1];
}

const struct first_process *find_first_process(unsigned generation)
{
    return find(generation);
}

size_t first_process_count(void)
{
    return first_count;
}

const struct first_process *first_process(size_t k)
{
    return &first_processes[k];
}

bool is_first_of(pid_t pid, unsigned *generation)
{
    for (size_t i = 0; i < first_count; i++)
        if (first_processes[i].pid == pid && !first_processes[i].ended) {
            *generation = first_processes[i].generation;
            return true;
        }
    return false;
}

/* It may be a zombie still, whose end we have not been told. */
static bool is_lost(const struct first_process *first)
{
    struct member member;

    return first->ended || read_member(first->pid, &member) == IS_GONE;
}

unsigned youngest_that_lost_its_first(void)
{
    for (size_t i = first_count; i-- > 0;)
        if (is_lost(&first_processes[i]))
            return first_processes[i].generation;
    return 0;
}

void waits_for_clients(pid_t pid, unsigned generation)
{
    struct first_process *first = find(generation);

    if (first) {
        first->waiting = pid;
        first->waiting_since = start_of(pid);
    }
}

enum { MOST_CARRIED = 1 << 16 };

static void carry_first_process(struct carrier *carrier, struct first_process *first)
{
    first->generation =
        (unsigned)carry_number(carrier, "first-of", first->generation, 1, UINT32_MAX);
    first->pid = (pid_t)carry_number(carrier, "pid", first->pid, 1, INT32_MAX);
    first->ended = carry_bool(carrier, "ended", first->ended);
    first->takes_no_orders = carry_bool(carrier, "takes-no-orders", first->takes_no_orders);
    first->waiting = (pid_t)carry_number(carrier, "waiting", first->waiting, 0, INT32_MAX);
    first->waiting_since = (uint64_t)carry_number(carrier, "waiting-since",
                                                  (int64_t)first->waiting_since, 0, INT64_MAX);
}

void carry_first_processes(struct carrier *carrier)
{
    size_t count = carry_count(carrier, "first-processes", first_count, MOST_CARRIED);

    if (is_reading(carrier))
        first_count = 0;
    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            add_first_process(0, 0);
        carry_first_process(carrier, &first_processes[i]);
    }
}

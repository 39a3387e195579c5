/*
 * What is left out has no meaning in a state that lasts: a trial, a probe that runs. What a process
 * of its own owes us, an answer to ORDER_COUNT, is remembered as it is.
 */
#include "carry_generations.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "carry_sockets.h"
#include "generation.h"
#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "helper/listeners/carry_inheritance.h"
#include "helper/listeners/peers.h"
#include "helper/processes/carry_asked.h"

enum { MOST_GENERATIONS = 1 << 16, MOST_BOUND = 1 << 16, MOST_REMOVED = 1 << 10 };
enum { MOST_IN_QUESTION = 1 << 22 };

static unsigned carry_generation_number(struct carrier *carrier, const char *name, unsigned number)
{
    return (unsigned)carry_number(carrier, name, number, 0, UINT32_MAX);
}

static int carry_int(struct carrier *carrier, const char *name, int number)
{
    return (int)carry_number(carrier, name, number, INT32_MIN, INT32_MAX);
}

static pid_t carry_pid(struct carrier *carrier, const char *name, pid_t pid)
{
    return (pid_t)carry_number(carrier, name, pid, 0, INT32_MAX);
}

static void carry_program(struct carrier *carrier, struct program *program)
{
    program->file = carry_descriptor(carrier, "program", program->file, MAY_BE_NONE);
    program->directory = carry_descriptor(carrier, "directory", program->directory, MAY_BE_NONE);
}

/* In whose place it was started, and from what. */
static void carry_origin(struct carrier *carrier, struct generation *generation)
{
    generation->replaces = carry_generation_number(carrier, "replaces", generation->replaces);
    carry_program(carrier, &generation->program);
    carry_program(carrier, &generation->fallback);
    generation->by_descriptor = carry_bool(carrier, "by-descriptor", generation->by_descriptor);
    generation->awaits = carry_bool(carrier, "awaits", generation->awaits);
    generation->restarts = carry_bool(carrier, "restarts", generation->restarts);
}

static void carry_ends(struct carrier *carrier, struct generation *generation)
{
    generation->rejected = carry_bool(carrier, "rejected", generation->rejected);
    generation->crashed = carry_bool(carrier, "crashed", generation->crashed);
    generation->exited = carry_bool(carrier, "exited", generation->exited);
    generation->wait_status = carry_int(carrier, "wait-status", generation->wait_status);
    generation->last_ended.pid = carry_pid(carrier, "last-ended", generation->last_ended.pid);
    generation->last_ended.wait_status =
        carry_int(carrier, "its-wait-status", generation->last_ended.wait_status);
}

static void carry_life(struct carrier *carrier, struct generation *generation)
{
    generation->begun = carry_time(carrier, "begun", generation->begun);
    generation->since = carry_time(carrier, "since", generation->since);
    generation->deadline = carry_time(carrier, "deadline", generation->deadline);
    generation->next_timer = carry_time(carrier, "next-timer", generation->next_timer);
    generation->complained = carry_bool(carrier, "complained", generation->complained);
    carry_text(carrier, "reason", generation->reason, sizeof generation->reason);
    carry_text(carrier, "obstacle", generation->obstacle, sizeof generation->obstacle);
    generation->first = carry_pid(carrier, "first", generation->first);
    generation->executed = carry_bool(carrier, "executed", generation->executed);
    generation->started = carry_time(carrier, "started", generation->started);
    generation->output = carry_number(carrier, "output", generation->output, -1, INT64_MAX);
    generation->kept_signals = (uint64_t)carry_number(
        carrier, "kept-signals", (int64_t)generation->kept_signals, INT64_MIN, INT64_MAX);
    generation->rearmed = carry_int(carrier, "rearmed", generation->rearmed);
    generation->finished = carry_bool(carrier, "finished", generation->finished);
    generation->looked_for_strays =
        carry_bool(carrier, "looked-for-strays", generation->looked_for_strays);
}

static int carry_watched(struct carrier *carrier, const char *name, const struct watch *watch)
{
    return carry_descriptor(carrier, name, watch->serve ? watch->fd : -1, MAY_BE_NONE);
}

static const unsigned long long no_inode;

static void carry_bound(struct carrier *carrier, struct signs *signs)
{
    size_t count = carry_count(carrier, "bound-ones", signs->bound_count, MOST_BOUND);

    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            signs->bound =
                append_item(signs->bound, &signs->bound_count, &no_inode, sizeof *signs->bound);
        signs->bound[i] = (unsigned long long)carry_number(
            carrier, "bound", (int64_t)signs->bound[i], INT64_MIN, INT64_MAX);
    }
}

static void carry_signs(struct carrier *carrier, struct signs *signs)
{
    int notices = carry_watched(carrier, "notices", &signs->notices);
    int ready_pipe = carry_watched(carrier, "ready-pipe", &signs->ready_pipe);

    if (is_reading(carrier)) {
        signs->notices.fd = notices;
        signs->ready_pipe.fd = ready_pipe;
    }
    signs->speaks = carry_bool(carrier, "speaks", signs->speaks);
    signs->told = carry_bool(carrier, "told-ready", signs->told);
    signs->waits = carry_bool(carrier, "waits", signs->waits);
    signs->surely = carry_bool(carrier, "surely", signs->surely);
    carry_bound(carrier, signs);
}

static void carry_probation(struct carrier *carrier, struct probation *probation)
{
    probation->hold = carry_time(carrier, "hold", probation->hold);
    probation->until = carry_time(carrier, "kept-until", probation->until);
    probation->probed = carry_bool(carrier, "probed", probation->probed);
}

static void carry_retirement(struct carrier *carrier, struct retirement *retirement)
{
    retirement->begun = carry_time(carrier, "retired-from", retirement->begun);
    retirement->asked_at = carry_time(carrier, "asked-at", retirement->asked_at);
    retirement->hushed_at = carry_time(carrier, "hushed-at", retirement->hushed_at);
    retirement->error = carry_int(carrier, "error", retirement->error);
}

static void carry_inquiry(struct carrier *carrier, struct inquiry *inquiry)
{
    size_t count;

    inquiry->open = carry_bool(carrier, "inquires", inquiry->open);
    inquiry->of_blind = carry_bool(carrier, "of-blind", inquiry->of_blind);
    inquiry->since = carry_time(carrier, "inquires-since", inquiry->since);
    inquiry->progress = carry_time(carrier, "progress", inquiry->progress);
    count = carry_count(carrier, "in-question", inquiry->count, MOST_IN_QUESTION);
    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            inquiry->inode =
                append_item(inquiry->inode, &inquiry->count, &no_inode, sizeof *inquiry->inode);
        inquiry->inode[i] = (unsigned long long)carry_number(
            carrier, "inode", (int64_t)inquiry->inode[i], INT64_MIN, INT64_MAX);
    }
}

static void carry_drainage(struct carrier *carrier, struct drainage *drainage)
{
    drainage->connections = (size_t)carry_number(
        carrier, "connections", (int64_t)drainage->connections, -1, INT64_MAX); /* SIZE_MAX */
    drainage->counted = carry_bool(carrier, "counted", drainage->counted);
    drainage->all_taken = carry_bool(carrier, "all-taken", drainage->all_taken);
    drainage->settled = carry_bool(carrier, "settled", drainage->settled);
    drainage->next_look = carry_time(carrier, "next-look", drainage->next_look);
    drainage->looked_for_idle = carry_time(carrier, "looked-for-idle", drainage->looked_for_idle);
    drainage->told = carry_bool(carrier, "told-of-idle", drainage->told);
    drainage->quiet_looks =
        (int)carry_number(carrier, "quiet-looks", drainage->quiet_looks, 0, INT32_MAX / 2);
    carry_sockets(carrier, &drainage->sockets);
    carry_inquiry(carrier, &drainage->inquiry);
}

static void carry_farewell(struct carrier *carrier, struct farewell *farewell)
{
    farewell->told_at = carry_time(carrier, "farewell", farewell->told_at);
    farewell->drained_at = carry_time(carrier, "drained-at", farewell->drained_at);
    carry_asked(carrier, &farewell->told);
}

static void carry_file(struct carrier *carrier, struct file_identity *file)
{
    file->device =
        (uint64_t)carry_number(carrier, "device", (int64_t)file->device, INT64_MIN, INT64_MAX);
    file->inode =
        (uint64_t)carry_number(carrier, "inode", (int64_t)file->inode, INT64_MIN, INT64_MAX);
    carry_text(carrier, "name", file->name, sizeof file->name);
}

static void carry_removed(struct carrier *carrier, struct generation *generation)
{
    size_t count = carry_count(carrier, "removed", generation->removed_count, MOST_REMOVED);

    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            generation->removed =
                append_item(generation->removed, &generation->removed_count,
                            &(struct file_identity){0}, sizeof *generation->removed);
        carry_file(carrier, &generation->removed[i]);
    }
}

/* By its name, which stays when others come to be: of those that last, no two have the same. */
static void carry_state_name(struct carrier *carrier, struct generation *generation)
{
    char name[32];

    snprintf(name, sizeof name, "%s", state_name(generation->state));
    carry_text(carrier, "state", name, sizeof name);
    for (enum state state = 0; state < STATES; state++)
        if (may_last(state) && strcmp(name, state_name(state)) == 0) {
            generation->state = state;
            return;
        }
    refuse_carried(carrier, "generation %u is %s", generation->number, name);
}

static void carry_candidate(struct carrier *carrier, struct candidate *candidate)
{
    struct carried_number numbers[] = {
        {candidate->pid, 0, INT32_MAX},
        {(int64_t)candidate->started, 0, INT64_MAX},
        {candidate->parent, 0, INT32_MAX},
        {(int64_t)candidate->listener, INT64_MIN, INT64_MAX},
    };

    carry_row(carrier, "candidate", numbers, sizeof numbers / sizeof *numbers);
    *candidate = (struct candidate){(pid_t)numbers[0].value, (uint64_t)numbers[1].value,
                                    (pid_t)numbers[2].value, (uint64_t)numbers[3].value};
}

static void carry_own_upgrade(struct carrier *carrier, struct own_upgrade *own)
{
    own->first_serves = carry_bool(carrier, "first-serves", own->first_serves);
    own->count = carry_count(carrier, "candidates", own->count, MOST_CANDIDATES);
    for (size_t i = 0; i < own->count && !has_fault(carrier); i++)
        carry_candidate(carrier, &own->candidate[i]);
}

static void carry_generation(struct carrier *carrier, struct generation *generation)
{
    generation->number = carry_generation_number(carrier, "generation", generation->number);
    carry_state_name(carrier, generation);
    generation->library =
        (unsigned)carry_number(carrier, "library", generation->library, 0, UINT16_MAX);
    carry_life(carrier, generation);
    carry_origin(carrier, generation);
    carry_ends(carrier, generation);
    carry_signs(carrier, &generation->signs);
    carry_probation(carrier, &generation->probation);
    carry_retirement(carrier, &generation->retirement);
    carry_drainage(carrier, &generation->drainage);
    carry_farewell(carrier, &generation->farewell);
    carry_asked(carrier, &generation->asked);
    carry_inheritance(carrier, &generation->inheritance);
    carry_endpoints(carrier, &generation->endpoints, &generation->endpoint_count);
    carry_endpoints(carrier, &generation->datagrams, &generation->datagram_count);
    carry_removed(carrier, generation);
    carry_peers(carrier, &generation->peers);
    carry_own_upgrade(carrier, &generation->own_upgrade);
}

static size_t count_generations(void)
{
    size_t count = 0;

    for (const struct generation *g = generations; g; g = g->older)
        count++;
    return count;
}

static struct generation *make_blank(void)
{
    struct generation *blank = allocate(1, sizeof *blank);

    blank->state = READY;
    blank->program = blank->fallback = NO_PROGRAM;
    return blank;
}

static void carry_list(struct carrier *carrier)
{
    size_t count = carry_count(carrier, "generations", count_generations(), MOST_GENERATIONS);
    struct generation **at = &generations;
    unsigned younger = last_number();

    for (size_t i = 0; i < count && !has_fault(carrier); i++, at = &(*at)->older) {
        if (is_reading(carrier))
            *at = make_blank();
        carry_generation(carrier, *at);
        if ((*at)->number == 0 || (*at)->number > younger - (i > 0))
            refuse_carried(carrier, "generation %u is not where it belongs", (*at)->number);
        younger = (*at)->number;
    }
}

void carry_generations(struct carrier *carrier)
{
    unsigned serving;

    count_on_from(carry_generation_number(carrier, "last-number", last_number()));
    carry_list(carrier);
    serving = carry_generation_number(carrier, "current", current ? current->number : 0);
    if (is_reading(carrier))
        current = find_generation(serving);
    if (!has_fault(carrier) && (!current || !is_serving(current->state)))
        refuse_carried(carrier, "no generation serves");
}

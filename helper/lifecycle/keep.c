/*
 * A listener lives as long as somebody holds it. With TFPRELOAD_RESTART the helper does so from
 * when a generation is ready, so that clients wait when the server has died, and are not refused.
 *
 * Whatever the server opens later is asked for as soon as it listens. What it closes nobody tells
 * us: it is looked for, and until then the listener takes clients whom nobody serves.
 */
#include "keep.h"

#include <stdlib.h>
#include <string.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/inheritance.h"
#include "helper/processes/family.h"
#include "helper/processes/open_sockets.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "preload/wire/protocol.h"

/* The helper is told just before listen(2); and a pool binds one after the other. */
static const int64_t quiet_time = 20 * MILLISECOND;
static const int64_t copy_pace = 10 * MILLISECOND;
static const int64_t copy_timeout = 3 * SECOND;

/* What is held by nobody in two looks was closed: half a second after that at the latest. */
static const int64_t look_pace = 250 * MILLISECOND;
enum { LOOKS = 2 };

/* One part in so many of a processor is spent on looking. */
enum { PACE_PER_COST = 50 };

static struct {
    unsigned generation; /* of whom the rest is */
    int64_t changed;     /* when it has begun to listen since it was asked, or 0 */
    int64_t deadline;    /* until when it is being asked, or 0 */
    struct asked_list asked;
} copying;

static int64_t next_look;

bool keeps_listeners(void)
{
    return settings.restart != RESTART_NEVER;
}

static void wake_at(struct generation *generation, int64_t time)
{
    if (generation->next_timer == 0 || time < generation->next_timer)
        generation->next_timer = time;
}

static void begin_asking(void)
{
    forget_asked(&copying.asked);
    copying.changed = 0;
    copying.deadline = now() + copy_timeout;
}

static void end_asking(void)
{
    forget_asked(&copying.asked);
    copying.deadline = 0;
}

static void ask(struct generation *generation)
{
    if (now() > copying.deadline) {
        log_line(LEVEL_DEBUG, "generation %u: not everybody has handed over copies of listeners",
                 generation->number);
        end_asking();
    } else if (order_members(&copying.asked, generation->number, ORDER_COPY) == 0) {
        end_asking();
    } else {
        wake_at(generation, now() + copy_pace);
    }
}

static void ask_for_copies(struct generation *generation)
{
    if (copying.generation != generation->number) {
        copying.generation = generation->number;
        copying.changed = now() - quiet_time;
    }
    if (copying.changed && now() - copying.changed >= quiet_time)
        begin_asking();
    if (copying.changed)
        wake_at(generation, copying.changed + quiet_time);
    if (copying.deadline)
        ask(generation);
}

void keep_listeners(struct generation *generation)
{
    if (!keeps_listeners() || generation != current || generation->trace)
        return;
    let_go_of_abandoned(generation);
    wake_at(generation, next_look);
    if (is_inheriting(generations->state)) /* what is sent now is for that one */
        copying.changed = now();
    else
        ask_for_copies(generation);
}

void listeners_changed(struct generation *generation)
{
    if (!keeps_listeners() || !is_serving(generation->state) || !generation->finished)
        return;
    copying.changed = now();
    wake_at(generation, now() + quiet_time);
}

bool wants_copies(const struct generation *generation)
{
    return copying.deadline != 0 && generation == current &&
           copying.generation == generation->number;
}

void note_copy(struct generation *generation, uint64_t inode)
{
    struct inherited *copy = find_inherited(&generation->inheritance, inode);

    copy->claimed = copy->listening = true;
    copy->reusable = true; /* its own choice, and not ours to undo: forbid_second_senders() */
}

void process_copied(struct generation *generation, pid_t pid, int error)
{
    if (error)
        log_line(LEVEL_DEBUG, "generation %u: process %d cannot list its listeners: %s",
                 generation->number, pid, strerror(error));
    if (wants_copies(generation))
        note_answer(&copying.asked, pid);
}

static bool is_held(const struct open_socket *sockets, size_t count, uint64_t inode)
{
    for (size_t i = 0; i < count; i++)
        if (sockets[i].inode == inode)
            return true;
    return false;
}

/* What a process that has just died held was not closed on purpose. */
static bool lives(const struct generation *generation)
{
    struct member first;

    if (generation->exited) /* a daemon's has */
        return keeps_listeners() && !has_no_members(generation->number);
    return read_member(generation->first, &first) == IS_THERE;
}

static void look_for_abandoned(struct generation *generation)
{
    struct open_socket *sockets = NULL;
    struct inheritance *copies = &generation->inheritance;
    size_t count = 0;

    if (list_sockets_of(generation->number, &sockets, &count) == IS_THERE && lives(generation))
        for (size_t i = copies->count; i-- > 0;) {
            struct inherited *copy = &copies->item[i];

            copy->abandoned = is_held(sockets, count, copy->inode) ? 0 : copy->abandoned + 1;
            if (copy->abandoned == LOOKS)
                release_one(copies, i);
        }
    free(sockets);
}

void let_go_of_abandoned(struct generation *generation)
{
    int64_t start = now();
    int64_t pace;

    if (!generation->finished || start < next_look)
        return;
    if (generation->inheritance.count > 0)
        look_for_abandoned(generation);
    pace = (now() - start) * PACE_PER_COST;
    next_look = now() + (pace > look_pace ? pace : look_pace);
}

void make_way(struct generation *generation, const struct listener_key *key)
{
    struct inheritance *copies = &generation->inheritance;

    if (!keeps_listeners() || generation != current || !generation->finished)
        return;
    for (size_t i = copies->count; i-- > 0;)
        if (memcmp(&copies->item[i].key, key, sizeof *key) == 0 &&
            find_holder(generation->number, copies->item[i].inode) == IS_GONE)
            release_one(copies, i);
}

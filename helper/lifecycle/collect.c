/*
 * Every process of the current generation is asked, since only the processes
 * know what they hold and under which address they asked for it. One that does
 * not answer could be left listening: then there is no upgrade.
 */
#include "collect.h"

#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/listeners/vouch.h"
#include "helper/processes/family.h"
#include "helper/processes/held_listeners.h"
#include "helper/processes/orders.h"
#include "keep.h"
#include "overlap.h"
#include "preload/wire/messages.h"
#include "preload/wire/protocol.h"
#include "sessions.h"
#include "strays.h"
#include "traced.h"

static const int64_t collect_timeout = 3 * SECOND;
static const int64_t collect_pace = 10 * MILLISECOND;

/*
 * Whoever is first seen later than this is a copy of a process that has been
 * asked. Where each client has a process of its own, there is always one that
 * had no time to answer yet, if the machine is busy.
 */
static const int64_t newcomers_after = 500 * MILLISECOND;

/* When a listener came that had not come before. Whoever still sends is waited for. */
static int64_t latest_arrival;

static struct generation *collecting_generation(void)
{
    return generations && is_collecting(generations->state) ? generations : NULL;
}

/* It could not be told to, and nobody need wait until that is certain. */
static bool is_understood(const struct generation *old)
{
    return old->library == 0 || is_spoken(old->library);
}

void begin_collecting(struct generation *new)
{
    size_t silent;

    if (!is_understood(current)) {
        fail_upgrade(new,
                     "the library of generation %u speaks version %u of the protocol, and this "
                     "tfhelper version %d",
                     current->number, current->library, PROTOCOL_VERSION);
        return;
    }
    collect_from_traced(current, listener_collected);
    silent = order_members(&new->asked, current->number, ORDER_COLLECT);
    /* from now on: the first look at a thousand processes takes its time, and finds no newcomers */
    new->deadline = now() + collect_timeout;
    if (silent == 0)
        happen(new, ANSWERED);
}

/* The first process that still owes an answer, 0 if there is none. */
static pid_t find_owing(const struct generation *new)
{
    return find_silent_of(&new->asked, new->deadline - collect_timeout + newcomers_after);
}

void collected(struct generation *new)
{
    char why[PATH_MAX + 256];

    if (keeps_listeners() && has_no_members(current->number)) /* it has died meanwhile */
        copy_inheritance(&new->inheritance, &current->inheritance);
    if (has_stray(current, &new->inheritance, why, sizeof why)) {
        fail_upgrade(new, "%s", why);
        return;
    }
    split_sessions(new);
    begin_or_await(new);
}

/* Does anybody owe an answer, or may so: somebody who could not be looked at? */
static bool is_owed(const struct generation *new)
{
    return find_owing(new) != 0 || latest_family()->error;
}

static void not_collected(struct generation *new, pid_t silent)
{
    const struct member *member = find_member(silent);

    if (!silent)
        fail_upgrade(new, "the processes of generation %u cannot be looked into: %s",
                     current->number, strerror(latest_family()->error));
    else if (member && member->sandboxed)
        fail_upgrade(new,
                     "process %d of generation %u holds a listener in a seccomp filter of its "
                     "own, where it cannot be asked",
                     silent, current->number);
    else
        fail_upgrade(new, "process %d of generation %u did not hand over its listeners within %s",
                     silent, current->number, duration_text(collect_timeout));
}

void collect_again(struct generation *new)
{
    order_members(&new->asked, current->number, ORDER_COLLECT);
    if (!is_owed(new))
        happen(new, ANSWERED);
    else if (now() > new->deadline && now() > latest_arrival + collect_timeout)
        not_collected(new, find_owing(new));
    else
        new->next_timer = now() + pace_of_orders(&new->asked, collect_pace);
}

static bool is_among(const struct endpoint *list, size_t count, struct endpoint endpoint)
{
    for (size_t i = 0; i < count; i++)
        if (same_endpoint(&list[i], &endpoint))
            return true;
    return false;
}

/* What the old generation will have to finish came in here. */
static void note_endpoint(struct endpoint **list, size_t *count, struct endpoint endpoint)
{
    if (is_among(*list, *count, endpoint))
        return;
    *list = grow(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = endpoint;
}

static void note_endpoint_of(struct generation *generation, const struct inherited *item)
{
    if (item->key.type == SOCK_DGRAM)
        note_endpoint(&generation->datagrams, &generation->datagram_count, endpoint_of(item));
    else
        note_endpoint(&generation->endpoints, &generation->endpoint_count, endpoint_of(item));
}

void note_endpoints(struct generation *generation, const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        note_endpoint_of(generation, &inheritance->item[i]);
}

bool has_handed_over(const struct generation *old, const struct listener_key *key)
{
    return key->type == SOCK_DGRAM
               ? is_among(old->datagrams, old->datagram_count, endpoint_of_key(key))
               : is_among(old->endpoints, old->endpoint_count, endpoint_of_key(key));
}

/* For whom a listener is that a process has sent: for a successor, or just to be kept. */
static struct inheritance *heir_of(struct generation *old)
{
    struct generation *new = collecting_generation();

    if (new)
        return &new->inheritance;
    return wants_copies(old) ? &old->inheritance : NULL;
}

void listener_collected(struct generation *old, pid_t pid, const struct message *message,
                        int descriptor)
{
    struct inheritance *heir = heir_of(old);
    struct message vouched = *message;
    struct endpoint endpoint;
    struct stat status;
    size_t count = heir ? heir->count : 0;

    if (descriptor == -1)
        return;
    if (!heir || old != current || fstat(descriptor, &status) == -1 ||
        status.st_ino != message->inode || !vouch_for(descriptor, message->inode, &vouched.key)) {
        log_line(LEVEL_DEBUG, "collect: what process %d sent is not wanted", pid);
        close(descriptor);
        return;
    }
    inherit(heir, &vouched, pid, pid == old->first && !old->exited, descriptor);
    if (heir->count > count)
        latest_arrival = now();
    if (heir == &old->inheritance)
        note_copy(old, message->inode);
    endpoint = endpoint_of(find_inherited(heir, message->inode));
    if (vouched.key.type == SOCK_DGRAM)
        note_endpoint(&old->datagrams, &old->datagram_count, endpoint);
    else
        note_endpoint(&old->endpoints, &old->endpoint_count, endpoint);
}

/* The trouble of one that holds nothing, as the kernel shows, is none of ours. */
void process_collected(struct generation *old, pid_t pid, int error)
{
    struct generation *new = collecting_generation();
    bool may_hold = true;

    /* it was held up until the upgrade had failed, and a pending signal is not queued again */
    if (is_serving(old->state) && !is_inheriting(generations->state))
        send_order(pid, ORDER_RESUME, old->number);
    if (!new || old != current || !note_answer(&new->asked, pid))
        return;
    if (error)
        may_hold_listeners(&pid, 1, &may_hold);
    if (error && may_hold)
        fail_upgrade(new, "process %d of generation %u cannot list its listeners: %s", pid,
                     old->number, strerror(error));
    else if (!is_owed(new))
        happen(new, ANSWERED);
}

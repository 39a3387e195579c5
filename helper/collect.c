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

#include "../preload/protocol.h"
#include "clock.h"
#include "fail.h"
#include "family.h"
#include "generation.h"
#include "log.h"
#include "memory.h"
#include "orders.h"
#include "shutdown.h"
#include "start.h"
#include "strays.h"

static const int64_t collect_timeout = 3 * SECOND;
static const int64_t collect_pace = 10 * MILLISECOND;

/*
 * Whoever is first seen later than this is a copy of a process that has been
 * asked. Where each client has a process of its own, there is always one that
 * had no time to answer yet, if the machine is busy.
 */
static const int64_t newcomers_after = 500 * MILLISECOND;

static struct generation *collecting_generation(void)
{
    return generations && generations->state == COLLECTING ? generations : NULL;
}

void begin_collecting(struct generation *new)
{
    new->deadline = now() + collect_timeout;
    if (order_members(new, current, ORDER_COLLECT) == 0)
        happen(new, ANSWERED);
}

/* The first process that still owes an answer, 0 if there is none. */
static pid_t find_owing(const struct generation *new)
{
    return find_silent_of(new, new->deadline - collect_timeout + newcomers_after);
}

void collected(struct generation *new)
{
    char why[PATH_MAX + 256];

    if (new->last)
        listeners_handed_over(new);
    else if (has_stray(current, &new->inheritance, why, sizeof why))
        fail_upgrade(new, "%s", why);
    else
        start_generation(new);
}

static void not_collected(struct generation *new, pid_t silent)
{
    const struct member *member = find_member(silent);

    if (member && member->sandboxed)
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
    pid_t silent;

    order_members(new, current, ORDER_COLLECT);
    silent = find_owing(new);
    if (!silent)
        happen(new, ANSWERED);
    else if (now() > new->deadline)
        not_collected(new, silent);
    else
        new->next_timer = now() + collect_pace;
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

bool has_handed_over(const struct generation *old, const struct listener_key *key)
{
    return key->type == SOCK_DGRAM
               ? is_among(old->datagrams, old->datagram_count, endpoint_of_key(key))
               : is_among(old->endpoints, old->endpoint_count, endpoint_of_key(key));
}

void listener_collected(struct generation *old, pid_t pid, const struct message *message,
                        int descriptor)
{
    struct generation *new = collecting_generation();
    struct endpoint endpoint;
    struct stat status;
    int type = 0;
    socklen_t length = sizeof type;

    if (descriptor == -1)
        return;
    if (!new || old != current || fstat(descriptor, &status) == -1 ||
        status.st_ino != message->inode ||
        getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == -1) {
        log_line(LEVEL_DEBUG, "collect: what process %d sent is not wanted", pid);
        close(descriptor);
        return;
    }
    inherit(&new->inheritance, message, pid, descriptor);
    endpoint = endpoint_of(find_inherited(&new->inheritance, message->inode));
    if (type == SOCK_DGRAM)
        note_endpoint(&old->datagrams, &old->datagram_count, endpoint);
    else
        note_endpoint(&old->endpoints, &old->endpoint_count, endpoint);
}

void process_collected(struct generation *old, pid_t pid, int error)
{
    struct generation *new = collecting_generation();

    /* it was held up until the upgrade had failed, and a pending signal is not queued again */
    if (old == current && generations->state >= READY)
        send_order(pid, ORDER_RESUME, old->number);
    if (!new || old != current)
        return;
    if (error) {
        fail_upgrade(new, "process %d of generation %u cannot list its listeners: %s", pid,
                     old->number, strerror(error));
        return;
    }
    if (note_answer(new, pid) && !find_owing(new))
        happen(new, ANSWERED);
}

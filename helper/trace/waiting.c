#include "waiting.h"

#include <stdlib.h>
#include <time.h>

#include "epoll_sets.h"
#include "helper/base/clock.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "rings.h"
#include "threads.h"
#include "trace.h"

static bool listens(uint64_t inode, const void *argument)
{
    const struct bound *bound = find_bound(argument, inode);

    return bound && bound->listens;
}

/* The sockets that are wanted come first. Returns how many there are. */
static size_t keep_wanted(struct open_socket *sockets, size_t count,
                          bool (*wanted)(uint64_t inode, const void *argument),
                          const void *argument)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (wanted(sockets[i].inode, argument))
            sockets[kept++] = sockets[i];
    return kept;
}

/* What is seen of each is noted. Returns whether a thread waits at one of them, in one of these
 * ways. */
static bool is_any_waited_on(const struct trace *trace, pid_t thread,
                             const struct open_socket *sockets, size_t count, unsigned ways)
{
    static struct thread_wait wait;
    bool found = false;

    read_wait(sockets->pid, thread, &wait);
    for (size_t i = 0; i < count && wait.kind != NO_WAIT; i++) {
        enum wait_kind kind = waits_on(&wait, sockets[i].fd);
        struct bound *bound = kind != NO_WAIT ? find_bound(trace, sockets[i].inode) : NULL;

        if (bound && kind == IN_POLL)
            bound->polled = true;
        if (bound && kind == IN_ACCEPT)
            bound->in_accept++;
        found |= kind != NO_WAIT && ways & 1u << kind;
    }
    return found;
}

/* The same of all threads of a process; there may be many of both, so each is read once. */
static bool has_waiting_thread(const struct trace *trace, pid_t process, unsigned ways,
                               bool (*wanted)(uint64_t inode, const void *argument),
                               const void *argument)
{
    struct open_socket *sockets = NULL;
    pid_t *threads = NULL;
    size_t socket_count = 0;
    size_t thread_count = 0;
    bool found = false;

    list_sockets(process, &sockets, &socket_count);
    socket_count = keep_wanted(sockets, socket_count, wanted, argument);
    if (socket_count > 0)
        list_threads(process, &threads, &thread_count);
    for (size_t i = 0; i < thread_count; i++)
        found |= is_any_waited_on(trace, threads[i], sockets, socket_count, ways);
    free(threads);
    free(sockets);
    return found;
}

static bool has_registration(const struct trace *trace, pid_t process)
{
    struct registration *list;
    size_t count = list_registrations(process, listens, trace, &list);

    for (size_t i = 0; i < count; i++)
        find_bound(trace, list[i].inode)->polled = true;
    free(list);
    return count > 0;
}

static bool has_listener(const struct trace *trace)
{
    for (size_t i = 0; i < trace->bound_count; i++)
        if (trace->bound[i].listens)
            return true;
    return false;
}

static void note_polled(const struct trace *trace)
{
    for (size_t i = 0; i < trace->bound_count; i++)
        trace->bound[i].polled |= trace->bound[i].listens;
}

/* A ring does not say at which file a request waits. */
static enum waiting look_into(const struct trace *trace, pid_t process)
{
    struct ring_waits waits = {0};

    if (has_waiting_thread(trace, process, 1u << IN_ACCEPT | 1u << IN_POLL, listens, trace))
        return SURELY_WAITS;
    if (has_listener(trace))
        waits = look_into_rings(process);
    if (waits.accepts > 0)
        return SURELY_WAITS;
    if (waits.polls > 0)
        note_polled(trace);
    return waits.polls > 0 || has_registration(trace, process) ? PERHAPS_WAITS : NOBODY_WAITS;
}

enum waiting look_for_waiting(struct trace *trace)
{
    const struct family *family = look_at_family();
    enum waiting best = NOBODY_WAITS;

    for (size_t i = 0; i < family->count && best != SURELY_WAITS; i++) {
        enum waiting waiting = NOBODY_WAITS;

        if (family->member[i].generation == trace->generation->number)
            waiting = look_into(trace, family->member[i].pid);
        if (waiting > best)
            best = waiting;
    }
    return best;
}

/* So many looks: a busy thread runs, or is in another call, in most of them. */
enum { MOST_LOOKS = 20 };
static const int64_t longest_learning = 500 * MILLISECOND;

/*
 * Of one that ran before us nothing is known. Who polls is in accept() as well, for a moment; so
 * only who is there mostly is one that sleeps there, and whoever is not seen so may poll.
 */
static void learn_how_stranger_waits(struct trace *trace)
{
    static const struct timespec moment = {0, MILLISECOND};
    int looks = 0;

    for (size_t i = 0; i < trace->bound_count; i++)
        trace->bound[i].in_accept = 0;
    for (; looks < MOST_LOOKS; looks++) {
        look_for_waiting(trace);
        nanosleep(&moment, NULL);
    }
    for (size_t i = 0; i < trace->bound_count; i++)
        trace->bound[i].polled |= trace->bound[i].in_accept < looks / 2;
}

void learn_how_it_waits(struct trace *trace)
{
    static const struct timespec moment = {0, 100000};
    const int64_t end = now() + longest_learning;

    if (trace->stranger) {
        learn_how_stranger_waits(trace);
        return;
    }

    for (int i = 0; i < MOST_LOOKS && look_for_waiting(trace) == NOBODY_WAITS && now() < end; i++)
        nanosleep(&moment, NULL);
}

static bool is_it(uint64_t inode, const void *argument)
{
    return inode == *(const uint64_t *)argument;
}

bool is_in_accept(const struct trace *trace, uint64_t inode)
{
    const struct family *family = look_at_family();
    bool found = false;

    for (size_t i = 0; i < family->count && !found; i++)
        found = family->member[i].generation == trace->generation->number &&
                has_waiting_thread(trace, family->member[i].pid, 1u << IN_ACCEPT, is_it, &inode);
    return found;
}

/*
 * What is to be put in the place of what, in each process of a generation. How that is done in one
 * process, swaps.c knows.
 */
#include "deafen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "borrow.h"
#include "epoll_sets.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/inheritance.h"
#include "helper/listeners/replacements.h"
#include "helper/processes/family.h"
#include "preload/kernel/sockets.h"
#include "preload/wire/deaf_sender.h"
#include "rings.h"
#include "swaps.h"
#include "threads.h"
#include "trace.h"

/* ---- there ---- */

struct job {
    struct trace *trace;
    struct inherited *const *listeners;
    size_t count;
    const int *replacements;
};

static struct inherited *find_listener(const struct job *job, uint64_t inode)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->listeners[i]->inode == inode)
            return job->listeners[i];
    return NULL;
}

static bool is_registered(const struct registration *list, size_t count, uint64_t inode)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].inode == inode)
            return true;
    return false;
}

static bool is_job(uint64_t inode, const void *argument)
{
    return find_listener(argument, inode) != NULL;
}

/*
 * Who has been told of a client by poll() comes to accept() after the swap, and must not hang
 * there: its other clients are waiting. Where its listener blocks it has never seen EAGAIN: it gets
 * a client that has hung up. Who sleeps in accept() must sleep on.
 */
static enum replacement pick_replacement(const struct job *job, const struct inherited *listener,
                                         bool registered)
{
    const struct bound *bound = find_bound(job->trace, listener->inode);

    if (registered || (bound && bound->polled))
        return POLLED;
    return fcntl(listener->fd, F_GETFL) & O_NONBLOCK ? NON_BLOCKING : BLOCKING;
}

/* Each datagram socket gets one of its own, from which late answers leave. */
static int open_replacement(const struct inherited *listener, enum replacement pick)
{
    int deaf = open_deaf_sender(listener->fd);

    if (deaf != -1)
        fcntl(deaf, F_SETFL, pick == BLOCKING ? 0 : O_NONBLOCK);
    return deaf;
}

enum { MOST_CALLERS = 16 };

/* As many as may be between poll() and accept(). */
static int count_threads(pid_t process)
{
    pid_t *threads;
    size_t count = 0;

    list_threads(process, &threads, &count);
    free(threads);
    return count < 1 ? 1 : count > MOST_CALLERS ? MOST_CALLERS : (int)count;
}

static struct swap deafening(const struct job *job, const struct inherited *listener,
                             const struct open_socket *socket, bool registered)
{
    const struct ring_waits waits = look_into_rings(socket->pid);
    enum replacement pick = pick_replacement(job, listener, registered || waits.polls > 0);
    struct swap swap = {.number = socket->fd,
                        .inode = socket->inode,
                        .from = listener->fd,
                        .to = job->replacements[pick],
                        .close_on_exec = is_closed_on_exec(socket->pid, socket->fd)};

    if (listener->key.type == SOCK_DGRAM)
        swap.to = open_replacement(listener, pick);
    else if (pick == POLLED && !(fcntl(listener->fd, F_GETFL) & O_NONBLOCK))
        swap.to = open_hung_up_listener(count_threads(socket->pid));
    else if (waits.rings > 0)
        swap.to =
            open_closed_listener(fcntl(listener->fd, F_GETFL) & O_NONBLOCK ? SOCK_NONBLOCK : 0);
    swap.own = swap.to != job->replacements[pick];
    if (swap.to == -1) {
        swap.to = job->replacements[pick];
        swap.own = false;
    }
    return swap;
}

/* Under another number of the same listener. */
static struct swap deafening_too(const struct swap *other, const struct open_socket *socket)
{
    struct swap swap = *other;

    swap.number = socket->fd;
    swap.close_on_exec = is_closed_on_exec(socket->pid, socket->fd);
    swap.own = false; /* it is the other one's */
    return swap;
}

static struct swaps find_held(const struct job *job, pid_t process)
{
    struct swaps swaps = {NULL, 0};
    struct open_socket *sockets = NULL;
    struct registration *list = NULL;
    size_t count = 0;
    size_t registered = 0;

    list_sockets(process, &sockets, &count);
    for (size_t i = 0; i < count; i++) {
        const struct inherited *listener = find_listener(job, sockets[i].inode);
        const struct swap *other = find_swap_of(&swaps, sockets[i].inode);

        if (!listener || swaps.count == MOST_SWAPS)
            continue;
        if (swaps.count == 0)
            registered = list_registrations(process, is_job, job, &list);
        add_swap(&swaps, other ? deafening_too(other, &sockets[i])
                               : deafening(job, listener, &sockets[i],
                                           is_registered(list, registered, sockets[i].inode)));
    }
    free(list);
    free(sockets);
    return swaps;
}

static void note_deafened(struct trace *trace, pid_t process, const struct swaps *swaps)
{
    struct deafened_list *list = &trace->deafened;

    for (size_t i = 0; i < swaps->count; i++) {
        if (!swaps->item[i].done)
            continue;
        list->item = grow(list->item, list->count + 1, sizeof *list->item);
        list->item[list->count++] =
            (struct deafened){process, swaps->item[i].number, swaps->item[i].inode,
                              socket_inode(swaps->item[i].to), swaps->item[i].in_ring};
    }
}

/* Its numbers have been seen to: does a ring of the process wait at a listener still? */
static bool leave_rings_again(const struct job *job, pid_t process)
{
    struct deafened_list *list = &job->trace->deafened;
    bool again = false;

    for (size_t i = 0; i < list->count; i++) {
        struct deafened *item = &list->item[i];
        const struct inherited *listener = find_listener(job, item->listener);
        struct swap swap = {.number = item->number, .inode = item->listener, .done = true};

        if (!item->in_ring || item->process != process || !listener)
            continue;
        swap.from = listener->fd;
        swap.to = job->replacements[NON_BLOCKING];
        leave_rings(process, &swap, 1, true);
        item->in_ring = swap.in_ring;
        again |= item->in_ring;
    }
    return again;
}

/* Returns whether it should be asked again: it holds one, or a thread or ring waits at one. */
static bool deafen(const struct job *job, pid_t process)
{
    struct swaps swaps = find_held(job, process);
    bool again = swaps.count > 0;
    int error = 0;

    if (swaps.count == 0)
        return leave_rings_again(job, process);
    error = swap_sockets(job->trace, process, &swaps, true);
    note_deafened(job->trace, process, &swaps);
    if (error != 0 && !may_work_later(error)) {
        again = is_waited_at(process, &swaps);
        log_line(LEVEL_DEBUG, "trace: process %d keeps the numbers of its listeners: %s%s", process,
                 strerror(error), again ? ", and waits there" : "");
    }
    close_own(&swaps);
    free(swaps.item);
    return again;
}

/* Who takes its time may be many: then the helper has others to listen to in between. */
static const int64_t longest_round = SECOND;

pid_t deafen_processes(struct trace *trace, struct inherited *const *listeners, size_t count,
                       const int replacements[REPLACEMENTS])
{
    static size_t round; /* each begins with another one */
    const struct job job = {trace, listeners, count, replacements};
    const struct family *family = look_at_family();
    const int64_t end = now() + longest_round;
    pid_t holding = 0;

    round++;
    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[(round + i) % family->count];

        if (member->generation != trace->generation->number)
            continue;
        if (now() > end || deafen(&job, member->pid))
            holding = member->pid;
        if (now() > end)
            break;
    }
    return holding;
}

/* ---- and back ---- */

bool is_deafened(const struct trace *trace)
{
    return trace->deafened.count > 0 || trace->deafened.lost_count > 0;
}

/* A child that was forked since has the numbers of its parent. */
static const struct deafened *find_deafened(const struct trace *trace,
                                            const struct open_socket *socket)
{
    const struct deafened *found = NULL;

    for (size_t i = 0; i < trace->deafened.count; i++) {
        const struct deafened *item = &trace->deafened.item[i];

        if (item->deaf == socket->inode && item->number == socket->fd &&
            (!found || item->process == socket->pid))
            found = item;
    }
    return found;
}

static struct swaps find_deaf(const struct job *job, pid_t process)
{
    struct swaps swaps = {NULL, 0};
    struct open_socket *sockets = NULL;
    size_t count = 0;

    list_sockets(process, &sockets, &count);
    for (size_t i = 0; i < count; i++) {
        const struct deafened *deafened = find_deafened(job->trace, &sockets[i]);
        const struct inherited *listener = deafened ? find_listener(job, deafened->listener) : NULL;

        if (listener)
            add_swap(&swaps,
                     (struct swap){.number = sockets[i].fd,
                                   .inode = sockets[i].inode,
                                   .from = borrow_needed(process, sockets[i].fd),
                                   .to = listener->fd,
                                   .close_on_exec = is_closed_on_exec(process, sockets[i].fd)});
    }
    free(sockets);
    return swaps;
}

/* Returns whether something is left to do: it is stopped, say. */
static bool undeafen(const struct job *job, pid_t process)
{
    struct swaps swaps = find_deaf(job, process);
    bool left = false;

    if (swaps.count > 0)
        swap_sockets(job->trace, process, &swaps, false);
    for (size_t i = 0; i < swaps.count; i++) {
        left |= !swaps.item[i].done;
        if (swaps.item[i].from != -1)
            close(swaps.item[i].from);
    }
    free(swaps.item);
    return left;
}

static void register_lost(const struct job *job)
{
    const struct deafened_list *list = &job->trace->deafened;

    for (size_t i = 0; i < list->lost_count; i++) {
        const struct unregistered *lost = &list->lost[i];
        const struct inherited *listener = find_listener(job, lost->registration.inode);

        if (listener)
            change_registration(lost->process, &lost->registration, EPOLL_CTL_ADD, listener->fd);
    }
}

pid_t undeafen_processes(struct trace *trace, struct inherited *const *listeners, size_t count)
{
    const struct job job = {trace, listeners, count, NULL};
    const struct family *family = look_at_family();
    pid_t left = 0;

    for (size_t i = 0; i < family->count && is_deafened(trace); i++)
        if (family->member[i].generation == trace->generation->number &&
            undeafen(&job, family->member[i].pid))
            left = family->member[i].pid;
    register_lost(&job);
    trace->deafened.lost_count = 0;
    if (!left)
        trace->deafened.count = 0;
    return left;
}

/* ---- neither ---- */

/* EPOLL_CTL_MOD looks whether it is ready, and wakes who waits; an exclusive one takes none. */
static void renew(pid_t process, const struct registration *registration, int fd)
{
    if (is_disarmed(registration))
        return;
    if (registration->events & EPOLLEXCLUSIVE) {
        change_registration(process, registration, EPOLL_CTL_DEL, fd);
        change_registration(process, registration, EPOLL_CTL_ADD, fd);
    } else {
        change_registration(process, registration, EPOLL_CTL_MOD, fd);
    }
}

void rearm_processes(struct trace *trace, struct inherited *const *listeners, size_t count)
{
    const struct job job = {trace, listeners, count, NULL};
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];
        struct registration *list = NULL;
        size_t found = 0;

        if (member->generation == trace->generation->number)
            found = list_registrations(member->pid, is_job, &job, &list);
        for (size_t k = 0; k < found; k++)
            renew(member->pid, &list[k], find_listener(&job, list[k].inode)->fd);
        free(list);
    }
}

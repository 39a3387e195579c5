/*
 * The order matters. An epoll set remembers open file and number, and so may have the listener and
 * the deaf socket under one number: whichever the number leads to, a thread that changes its
 * registration meanwhile finds one. First the listener's is made to report nothing, and the deaf
 * socket registered as the listener was; then the number leads to that; then the set is told to
 * forget the listener. Last, those who sleep in accept() or poll() on the old one are woken once,
 * and fall asleep on the new one: who is woken before the swap may come back to the listener. So
 * may a ring, which is last.
 */
#include "swaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "epoll_sets.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/kernel/procfile.h"
#include "injection.h"
#include "rings.h"
#include "threads.h"
#include "trace.h"

void add_swap(struct swaps *swaps, struct swap swap)
{
    swaps->item = grow(swaps->item, swaps->count + 1, sizeof swap);
    swaps->item[swaps->count++] = swap;
}

static const struct swap *find_swap(const struct swaps *swaps, int number)
{
    for (size_t i = 0; i < swaps->count; i++)
        if (swaps->item[i].number == number)
            return &swaps->item[i];
    return NULL;
}

const struct swap *find_swap_of(const struct swaps *swaps, uint64_t inode)
{
    for (size_t i = 0; i < swaps->count; i++)
        if (swaps->item[i].inode == inode)
            return &swaps->item[i];
    return NULL;
}

static bool is_swapped_away(uint64_t inode, const void *argument)
{
    return find_swap_of(argument, inode) != NULL;
}

/* Who registered it under a number that is closed by now has kept the file by another one. */
static int copy_of(const struct swaps *swaps, const struct registration *registration)
{
    const struct swap *swap = find_swap(swaps, registration->number);

    if (!swap)
        swap = find_swap_of(swaps, registration->inode);
    return swap ? swap->from : -1;
}

static void change(pid_t process, const struct registration *registration, int operation, int fd)
{
    if (change_registration(process, registration, operation, fd) == -1)
        log_line(LEVEL_DEBUG, "trace: operation %d on number %d in epoll set %d of process %d: %s",
                 operation, registration->number, registration->set, process, strerror(errno));
}

/* epoll_ctl(2): EPOLL_CTL_MOD is not for an exclusive one, and so no thread changes it either. */
static bool may_be_changed(const struct registration *registration)
{
    return !(registration->events & EPOLLEXCLUSIVE);
}

/* Its number is to lead elsewhere, and is not one that is closed by now. */
static bool follows_number(const struct swaps *swaps, const struct registration *registration)
{
    return may_be_changed(registration) && find_swap(swaps, registration->number);
}

/* Nothing is reported of the old one any more. An exclusive new one comes when it is swapped. */
static void prepare(pid_t process, const struct swaps *swaps, const struct registration *list,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct registration quiet = list[i];

        quiet.events = 0;
        if (!follows_number(swaps, &list[i])) {
            change(process, &list[i], EPOLL_CTL_DEL, copy_of(swaps, &list[i]));
            continue;
        }
        change(process, &quiet, EPOLL_CTL_MOD, copy_of(swaps, &list[i]));
        change(process, &list[i], EPOLL_CTL_ADD, find_swap(swaps, list[i].number)->to);
    }
}

/* The set may not have had room for both: ENOSPC, max_user_watches of epoll(7). */
static void tell_anew(pid_t process, const struct registration *one, int fd)
{
    if (is_disarmed(one) || change_registration(process, one, EPOLL_CTL_MOD, fd) == -1)
        change_registration(process, one, EPOLL_CTL_ADD, fd);
}

/*
 * It is swapped: the old one is forgotten. Whoever was told of clients at the new one before the
 * number led there has found none: EPOLL_CTL_MOD tells again.
 */
static void conclude(pid_t process, const struct swaps *swaps, const struct registration *one)
{
    const struct swap *swap = find_swap(swaps, one->number);

    if (follows_number(swaps, one)) {
        change(process, one, EPOLL_CTL_DEL, copy_of(swaps, one));
        tell_anew(process, one, swap->to);
    } else if (swap) {
        change(process, one, EPOLL_CTL_ADD, swap->to);
    }
}

/* It is not: the new one is forgotten, and the old one as it was, or forgotten as well. */
static void undo(pid_t process, const struct swaps *swaps, const struct registration *one,
                 bool forget)
{
    const int old = copy_of(swaps, one);

    if (follows_number(swaps, one)) {
        change(process, one, EPOLL_CTL_DEL, find_swap(swaps, one->number)->to);
        change(process, one, forget ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, old);
    } else if (!forget) {
        change(process, one, EPOLL_CTL_ADD, old);
    }
}

static bool is_done(const struct swaps *swaps, const struct registration *registration)
{
    const struct swap *swap = find_swap(swaps, registration->number);

    return swap ? swap->done : find_swap_of(swaps, registration->inode)->done;
}

static void settle(pid_t process, const struct swaps *swaps, const struct registration *list,
                   size_t count, bool forget)
{
    for (size_t i = 0; i < count; i++)
        if (is_done(swaps, &list[i]))
            conclude(process, swaps, &list[i]);
        else
            undo(process, swaps, &list[i], forget);
}

static enum wait_kind any_wait_on(pid_t process, pid_t thread, const struct swaps *swaps)
{
    static struct thread_wait wait;

    read_wait(process, thread, &wait);
    for (size_t i = 0; i < swaps->count && wait.kind != NO_WAIT; i++)
        if (waits_on(&wait, swaps->item[i].number) != NO_WAIT)
            return wait.kind;
    return NO_WAIT;
}

/* Who has come to its call since the swap sleeps on the right one, and is woken for nothing. */
static void wake_waiting_threads(struct trace *trace, pid_t process, const struct swaps *swaps)
{
    pid_t *threads;
    size_t count = 0;

    list_threads(process, &threads, &count);
    for (size_t i = 0; i < count; i++)
        if (any_wait_on(process, threads[i], swaps) != NO_WAIT &&
            stops_at_once(process, threads[i]))
            interrupt_thread(trace, process, threads[i]);
    free(threads);
}

/* Nobody can be made to swap them: what was registered is to come back with the way back. */
static void note_lost(struct trace *trace, pid_t process, const struct registration *list,
                      size_t count)
{
    struct deafened_list *lost = &trace->deafened;

    for (size_t i = 0; i < count; i++) {
        lost->lost = grow(lost->lost, lost->lost_count + 1, sizeof *lost->lost);
        lost->lost[lost->lost_count++] = (struct unregistered){process, list[i]};
    }
}

bool may_work_later(int error)
{
    return error == ESRCH || error == ETIMEDOUT || error == EBUSY;
}

int swap_sockets(struct trace *trace, pid_t process, struct swaps *swaps, bool for_good)
{
    struct registration *list;
    size_t count = list_registrations(process, is_swapped_away, swaps, &list);
    bool forget;
    int error;

    prepare(process, swaps, list, count);
    error = send_on_errand(trace, process, swaps->item, swaps->count);
    forget = error != 0 && for_good && !may_work_later(error);
    settle(process, swaps, list, count, forget);
    if (error == 0) {
        wake_waiting_threads(trace, process, swaps);
        leave_rings(process, swaps->item, swaps->count, for_good);
    } else if (forget) {
        note_lost(trace, process, list, count);
    }
    free(list);
    return error;
}

bool is_waited_at(pid_t process, const struct swaps *swaps)
{
    pid_t *threads;
    size_t count = 0;
    bool found = false;

    list_threads(process, &threads, &count);
    for (size_t i = 0; i < count && !found; i++)
        found = any_wait_on(process, threads[i], swaps) != NO_WAIT;
    free(threads);
    return found;
}

void close_own(const struct swaps *swaps)
{
    for (size_t i = 0; i < swaps->count; i++)
        if (swaps->item[i].own && swaps->item[i].to != -1)
            close(swaps->item[i].to);
}

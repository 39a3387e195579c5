/*
 * SIGCHLD tells of our children. A daemon's processes are not: a pidfd_open(2) descriptor tells of
 * the end of each. Before Linux 5.3, or without a descriptor left, they are looked for now and
 * then.
 */
#include "exits.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/base/usage.h"
#include "helper/generation/generation.h"
#include "helper/kernel/poller.h"
#include "helper/processes/family.h"
#include "helper/processes/first_processes.h"
#include "helper/processes/tools.h"
#include "helper/trace/injection.h"
#include "own_upgrade.h"
#include "takeover.h"

/* A process that is not our child, with the pidfd_open(2) descriptor that tells of its end. */
struct foreign {
    struct watch watch; /* first, as that of every peer is */
    struct foreign *next;
    pid_t pid;
};

static struct foreign *foreigners;

/* When ends are to be looked for again, since a look was not complete, or is all that tells, or
 * since some are known to have come. */
static int64_t review_due; /* 0: never */
static const int64_t review_pace = 20 * MILLISECOND;
static const int64_t watch_pace = 200 * MILLISECOND;

static bool is_watched(pid_t pid)
{
    for (const struct foreign *foreign = foreigners; foreign; foreign = foreign->next)
        if (foreign->pid == pid)
            return true;
    return false;
}

/*
 * Many end in one turn of the loop, where each client has a process of its own: one look is for all
 * of them, in the next turn.
 */
static void foreign_member_ended(struct watch *watch)
{
    struct foreign *foreign = (struct foreign *)watch;
    struct foreign **at = &foreigners;
    const pid_t pid = foreign->pid;

    while (*at != foreign)
        at = &(*at)->next;
    *at = foreign->next;
    unwatch_descriptor(watch);
    close(watch->fd);
    free(foreign);
    say_if_replaced(pid);
    review_due = now();
}

/* Returns whether its end will be told. */
static bool watch(pid_t pid)
{
    struct foreign *foreign;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* Linux 5.3; close-on-exec by itself */

    if (fd == -1)
        return false;
    foreign = allocate(1, sizeof *foreign);
    foreign->next = foreigners;
    foreign->pid = pid;
    foreigners = foreign;
    watch_descriptor(&foreign->watch, fd, foreign_member_ended);
    return true;
}

void watch_foreign_members(void)
{
    const struct family *family = latest_family();
    bool told = true;

    if (!are_foreign_members_expected())
        return;
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].parent != getpid() && !is_watched(family->member[i].pid) &&
            !watch(family->member[i].pid))
            told = false;
    if (!told)
        review_due = now() + watch_pace;
}

int64_t next_review(void)
{
    return review_due;
}

void review_ends(void)
{
    if (review_due != 0 && review_due <= now())
        processes_ended();
}

/*
 * Of a daemon it is not the first process whose end says anything. One that nobody has seen yet, or
 * whose generation was but a guess, is of the generation that is on its way: an orphan may have
 * come to us before the first process, its grandparent, has ended. A failure says more than what
 * ended well.
 */
static void note_end(pid_t pid, int status)
{
    const struct member *member = find_member(pid);
    const bool is_certain = member && !member->guessed;
    struct generation *of = member ? find_generation(member->generation) : NULL;

    if (!is_certain && generations && is_on_its_way(generations->state))
        of = generations;
    if (of && (of->last_ended.pid == 0 || status != 0))
        of->last_ended = (struct ended){pid, status};
}

static void child_ended(pid_t pid, int status)
{
    for (struct generation *g = generations; g; g = g->older)
        if (g->first == pid && !g->exited) {
            g->exited = true;
            first_process_ended(g->number);
            g->wait_status = status;
            happen(g, EXITED);
            return;
        }
    note_end(pid, status);
    say_if_replaced(pid);
}

/* Of a server that ran before us nobody says how it has ended, but that it is not there. */
static void note_ends_of_strangers(void)
{
    for (struct generation *g = generations; g; g = g->older)
        if (g->stranger && !g->exited && !latest_family()->error && !find_member(g->first)) {
            g->exited = true;
            g->wait_status = is_taking_over() ? EXIT_REFUSED << 8 : 0;
            first_process_ended(g->number);
        }
}

void reap(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (WIFSTOPPED(status))
            let_latecomer_go(pid);
        if (WIFSTOPPED(status) || tool_ended(pid, status))
            continue;
        child_ended(pid, status);
    }
}

void processes_ended(void)
{
    reap();
    /* an end may leave orphans, or nobody */
    review_due = look_at_family()->error ? now() + review_pace : 0;
    watch_foreign_members();
    note_ends_of_strangers();
    for (struct generation *g = generations; g; g = g->older)
        if (g->exited && !is_gone(g->state) && has_no_members(g->number))
            happen(g, EMPTY);
}

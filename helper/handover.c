/*
 * daemon(3), or the program's own double fork: the process that was executed
 * ends with status 0 and its child is the server. The shell, or the init script
 * that waits for the command, must see that end. So the helper forks, the
 * parent ends with the server's status, and the child supervises from then on.
 */
#include "handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "family.h"
#include "generation.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "signals.h"
#include "story.h"
#include "streams.h"
#include "tools.h"

/* A process that is not our child, with the pidfd_open(2) descriptor that tells of its end. */
struct foreign {
    struct watch watch; /* first, as that of every peer is */
    struct foreign *next;
    pid_t pid;
};

enum { MOST_LOOKS = 40, SAME_LOOKS = 4 };

static bool handed_over;
static struct foreign *foreigners;

bool left_a_daemon(const struct generation *generation)
{
    look_at_family();
    return generation->exited && generation->wait_status == 0 &&
           count_members(generation->number) > 0;
}

bool in_background(void)
{
    return handed_over;
}

/*
 * A daemon forks more than once on its way. As long as we are here its orphans
 * come to us and are seen; so leave only when the family has been the same for
 * a few looks.
 */
static void wait_for_settled_family(void)
{
    static const struct timespec moment = {0, 5 * MILLISECOND};
    uint64_t before = 0;
    int same = 0;

    for (int i = 0; i < MOST_LOOKS && same < SAME_LOOKS; i++) {
        const struct family *family = look_at_family();
        uint64_t sum = family->count;

        for (size_t k = 0; k < family->count; k++)
            sum = sum * 31 + (uint64_t)family->member[k].pid;
        same = sum == before ? same + 1 : 0;
        before = sum;
        nanosleep(&moment, NULL);
    }
}

void hand_over_to_background(struct generation *generation)
{
    pid_t child;

    /* later generations go to the background below a helper that stays where it is */
    if (handed_over || generation->number != FIRST_GENERATION)
        return;
    wait_for_settled_family();
    log_line(LEVEL_INFO, "generation %u: has gone to the background, and the helper with it",
             generation->number);
    child = fork();
    if (child == -1) {
        log_line(LEVEL_ERROR, "cannot follow the server to the background: %s", strerror(errno));
        _exit(WEXITSTATUS(generation->wait_status));
    }
    if (child > 0)
        _exit(WEXITSTATUS(generation->wait_status));
    handed_over = true;
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* not inherited by a fork: prctl(2) */
    expect_foreign_members();
    let_go_of_streams();
    tell_moved();
    lose_tools();
    reopen_loop();
    look_at_family();
    watch_foreign_members();
}

static bool is_watched(pid_t pid)
{
    for (const struct foreign *foreign = foreigners; foreign; foreign = foreign->next)
        if (foreign->pid == pid)
            return true;
    return false;
}

static void foreign_member_ended(struct watch *watch)
{
    struct foreign *foreign = (struct foreign *)watch;
    struct foreign **at = &foreigners;

    while (*at != foreign)
        at = &(*at)->next;
    *at = foreign->next;
    unwatch_descriptor(watch);
    close(watch->fd);
    free(foreign);
    processes_ended();
}

static void watch(pid_t pid)
{
    struct foreign *foreign;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* Linux 5.3; close-on-exec by itself */

    if (fd == -1)
        return;
    foreign = allocate(1, sizeof *foreign);
    foreign->next = foreigners;
    foreign->pid = pid;
    foreigners = foreign;
    watch_descriptor(&foreign->watch, fd, foreign_member_ended);
}

void watch_foreign_members(void)
{
    const struct family *family = latest_family();

    if (!handed_over)
        return;
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].parent != getpid() && !is_watched(family->member[i].pid))
            watch(family->member[i].pid);
}

/*
 * daemon(3), or the program's own double fork: the process that was executed
 * ends with status 0 and its child is the server. The shell, or the init script
 * that waits for the command, must see that end. So the helper forks, the
 * parent ends with the server's status, and the child supervises from then on.
 */
#include "handover.h"
#include "exits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/base/streams.h"
#include "helper/base/usage.h"
#include "helper/generation/generation.h"
#include "helper/kernel/poller.h"
#include "helper/outside/story.h"
#include "helper/processes/family.h"
#include "helper/processes/guard.h"
#include "helper/processes/tools.h"

enum { MOST_LOOKS = 40, SAME_LOOKS = 4 };

static bool handed_over;

bool left_a_daemon(const struct generation *generation)
{
    look_at_family();
    return generation->exited && generation->wait_status == 0 &&
           !has_no_members(generation->number);
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
        dismiss_guard();
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
    if (reopen_poller() == -1) {
        log_line(LEVEL_ERROR, "cannot create an epoll set: %s", strerror(errno));
        exit(EXIT_NOT_EXECUTABLE);
    }
    look_at_family();
    watch_foreign_members();
}

void carry_handover(struct carrier *carrier)
{
    handed_over = carry_bool(carrier, "in-background", handed_over);
}

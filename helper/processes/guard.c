/*
 * PR_SET_PDEATHSIG reaches the process that the helper has executed, and not its workers, which
 * would go on holding the port. Nor could anybody find them then: they are orphans of init by that
 * time. So a fork of the helper waits at one end of a pair of sockets, of which nobody else has the
 * other end: when that is closed, the helper is gone, and the guard knows from the roster who was
 * there.
 *
 * It is a child of the helper that sends no SIGCHLD, and that wait(2) does not see without
 * __WCLONE: whether the helper has a child is what tells whether the server has a process. A
 * session of its own, and a mask that blocks all signals, keep it from what is sent to the group of
 * the server. Its name is such that `pkill tfhelper` does not find it.
 *
 * After a hand-over the helper is another process, with the same end of the same pair.
 */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "end_session.h"
#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/kernel/descriptors.h"
#include "helper/kernel/poller.h"
#include "roster.h"

/* Who ends so often, one soon after the other, is not started again. */
enum { MOST_SHORT_LIVES = 5, DISMISSAL_TIME = 100 /* ms */ };
static const int64_t short_life = SECOND;

static struct watch end_of_guard; /* our end of the pair */
static pid_t guard;               /* 0: there is none */
static int64_t started;
static int short_lives;

/* In the guard. */
static _Noreturn void stand_guard(int end)
{
    struct pollfd wait = {end, POLLIN, 0};

    prctl(PR_SET_NAME, "tfp-guard");
    setsid();
    if (chdir("/") == -1)
        _exit(1);
    keep_only(end, end);
    while (poll(&wait, 1, -1) == -1 && errno == EINTR)
        ;
    if (!is_roster_closed())
        end_session();
    _exit(0);
}

/*
 * Its end of the pair is closed a moment before it can be reaped. It may be no child of ours any
 * more, but that of who we were before a hand-over.
 */
static void reap_guard(void)
{
    static const struct timespec moment = {0, MILLISECOND};

    for (int i = 0; i < DISMISSAL_TIME && waitpid(guard, NULL, __WCLONE | WNOHANG) == 0; i++)
        nanosleep(&moment, NULL);
    guard = 0;
}

static void guard_ended(struct watch *watch)
{
    const pid_t ended = guard;

    unwatch_descriptor(watch);
    close(watch->fd);
    reap_guard();
    short_lives = now() - started < short_life ? short_lives + 1 : 0;
    if (short_lives < MOST_SHORT_LIVES && start_guard())
        log_line(LEVEL_ERROR, "the guard, process %d, has been killed: process %d is in its place",
                 ended, guard);
    else
        log_line(LEVEL_ERROR,
                 "the guard, process %d, has been killed: should the helper be, too, the server is "
                 "left behind",
                 ended);
}

/* What fork(2) does, but for the signal of its end: clone(2). */
static pid_t fork_silently(void)
{
    return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

bool start_guard(void)
{
    static bool has_roster;
    int pair[2];

    /* of pid_namespaces(7): the kernel ends everybody with the first process */
    if (getpid() == 1)
        return false;
    has_roster = has_roster || open_roster() == 0;
    if (!has_roster || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
        log_line(LEVEL_ERROR, "cannot start the guard: %s", strerror(errno));
        return false;
    }
    guard = fork_silently();
    if (guard == 0)
        stand_guard(pair[1]);
    if (guard == -1) {
        log_line(LEVEL_ERROR, "cannot start the guard: %s", strerror(errno));
        guard = 0;
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    close(pair[1]);
    started = now();
    watch_descriptor(&end_of_guard, pair[0], guard_ended);
    return true;
}

/* That of the helper in whose place we are, with our end of its pair; 0: there was none. */
static pid_t former;
static int end_of_former = -1;

void carry_guard(struct carrier *carrier)
{
    former = (pid_t)carry_number(carrier, "guard", guard, 0, INT32_MAX);
    end_of_former =
        carry_descriptor(carrier, "end-of-guard", guard ? end_of_guard.fd : -1, MAY_BE_NONE);
}

/* Its roster was in our memory, and nobody can close it: it must not see the end of the pair. */
static void end_former(void)
{
    struct pollfd end = {.fd = end_of_former, .events = 0};

    if (end_of_former == -1)
        return;
    if (former != 0 && poll(&end, 1, 0) == 0) { /* else it has ended, and its pid is anybody's */
        kill(former, SIGKILL);
        waitpid(former, NULL, __WCLONE);
    }
    close(end_of_former);
    end_of_former = -1;
    former = 0;
}

void change_guard(void)
{
    start_guard();
    end_former();
}

bool is_guarded(void)
{
    return guard != 0;
}

bool is_guard(pid_t pid)
{
    return guard != 0 && pid == guard;
}

void dismiss_guard(void)
{
    struct pollfd wait = {end_of_guard.fd, 0, 0}; /* POLLHUP, when its end is closed as well */

    close_roster();
    if (guard == 0)
        return;
    shutdown(end_of_guard.fd, SHUT_WR);
    poll(&wait, 1, DISMISSAL_TIME);
    unwatch_descriptor(&end_of_guard);
    waitpid(guard, NULL, __WCLONE | (wait.revents & POLLHUP ? 0 : WNOHANG));
    guard = 0;
}

/*
 * daemon(3), or the program's own double fork: the process that was executed
 * ends with status 0 and its child is the server. The shell, or the init script
 * that waits for the command, must see that end. So the helper forks, the
 * parent ends with the server's status, and the child supervises from then on.
 */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family.h"
#include "generation.h"
#include "log.h"
#include "loop.h"
#include "memory.h"

/* A process that is not our child, with the pidfd_open(2) descriptor that tells of its end. */
struct foreign {
    struct foreign *next;
    pid_t pid;
    int fd;
};

static bool in_background;
static struct foreign *foreigners;

/*
 * A daemon lets go of its standard streams, so that whoever reads the other end
 * of a pipe sees its end. A log file is worth keeping; else the log goes to
 * syslog.
 */
static void let_go_of_streams(void)
{
    struct stat status;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null == -1)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (fstat(STDERR_FILENO, &status) == -1 || !S_ISREG(status.st_mode)) {
        dup2(null, STDERR_FILENO);
        log_to_syslog();
    }
    close(null);
}

bool left_a_daemon(const struct generation *generation)
{
    look_at_family();
    return generation->exited && generation->wait_status == 0 &&
           count_members(generation->number) > 0;
}

void hand_over_to_background(struct generation *generation)
{
    pid_t child;

    /* later generations go to the background below a helper that stays where it is */
    if (in_background || generation->number != FIRST_GENERATION)
        return;
    log_line(LEVEL_INFO, "generation %u: has gone to the background, and the helper with it",
             generation->number);
    child = fork();
    if (child == -1) {
        log_line(LEVEL_ERROR, "cannot follow the server to the background: %s", strerror(errno));
        _exit(WEXITSTATUS(generation->wait_status));
    }
    if (child > 0)
        _exit(WEXITSTATUS(generation->wait_status));
    in_background = true;
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* not inherited by a fork: prctl(2) */
    expect_foreign_members();
    let_go_of_streams();
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

static void watch(pid_t pid)
{
    struct foreign *foreign;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* Linux 5.3; close-on-exec by itself */

    if (fd == -1)
        return;
    foreign = allocate(1, sizeof *foreign);
    *foreign = (struct foreign){foreigners, pid, fd};
    foreigners = foreign;
    watch_descriptor(fd, foreign);
}

void watch_foreign_members(void)
{
    const struct family *family = latest_family();

    if (!in_background)
        return;
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].parent != getpid() && !is_watched(family->member[i].pid))
            watch(family->member[i].pid);
}

bool foreign_member_ended(const void *source)
{
    for (struct foreign **at = &foreigners; *at; at = &(*at)->next) {
        struct foreign *foreign = *at;

        if (foreign != source)
            continue;
        *at = foreign->next;
        unwatch_descriptor(foreign->fd);
        close(foreign->fd);
        free(foreign);
        return true;
    }
    return false;
}

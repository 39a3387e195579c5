#include "by_call.h"

#include <errno.h>
#include <unistd.h>

#include "calls.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "injection.h"
#include "passage.h"
#include "preload/kernel/sockets.h"
#include "threads.h"
#include "trace.h"

/* It may be younger than our last look. */
static const struct trace *trace_of(pid_t process)
{
    const struct member *member = find_member(process);
    const struct generation *generation;

    if (!member && look_at_family())
        member = find_member(process);
    generation = member ? find_generation(member->generation) : NULL;
    return generation ? generation->trace : NULL;
}

bool may_be_made_to_call(pid_t process)
{
    const struct trace *trace = trace_of(process);
    struct proc_status own;
    struct proc_status status;

    return read_status(getpid(), &own) == IS_THERE && read_status(process, &status) == IS_THERE &&
           status.filters <= (trace && !trace->stranger ? trace->filters : own.filters);
}

/* Of a process of which a thread is stopped, which goes on afterwards. */
static int take(struct stopped *stopped, int number)
{
    struct passage passage;
    int error = open_passage(&passage, NULL, stopped);
    int fd = -1;

    if (!error) {
        fd = take_through(&passage, number);
        error = errno;
        close_passage(&passage);
    }
    let_go(stopped);
    errno = error;
    return fd;
}

int take_descriptor_by_call(pid_t process, int number)
{
    struct stopped stopped;
    pid_t thread = 0;
    int error = EPERM;

    if (may_be_made_to_call(process)) {
        thread = pick_thread_to_stop(process);
        error = thread ? stop_thread(NULL, process, thread, &stopped) : ESRCH;
    }
    if (error) {
        errno = error;
        return -1;
    }
    return take(&stopped, number);
}

/* For calls that are to come again, from threads that we have sent back; the oldest are dropped. */
enum { MOST_KEPT = 16 };

static struct kept {
    pid_t thread; /* 0: nothing is kept here */
    int number;
    int fd;
    int error; /* why there is none, which is not tried again */
} all_kept[MOST_KEPT];

static bool leads_to(pid_t process, int number, int fd)
{
    char target[LINK_SIZE];
    unsigned long long inode;

    return read_fd_link(process, number, target) == IS_THERE && parse_socket_link(target, &inode) &&
           inode == socket_inode(fd);
}

static void drop(struct kept *kept)
{
    if (kept->thread != 0 && kept->fd != -1)
        close(kept->fd);
    kept->thread = 0;
}

static void keep(pid_t thread, int number, int fd, int error)
{
    static unsigned next;
    struct kept *kept = &all_kept[next++ % MOST_KEPT];

    drop(kept);
    *kept = (struct kept){thread, number, fd, error};
}

/* Returns whether there is an outcome for this call, which is not kept any more. */
static bool take_kept(const struct call *call, int number, int *fd)
{
    for (size_t i = 0; i < MOST_KEPT; i++) {
        struct kept *kept = &all_kept[i];

        if (kept->thread != call->thread)
            continue;
        if (kept->number == number &&
            (kept->fd == -1 || leads_to(call->process, number, kept->fd))) {
            *fd = kept->fd;
            errno = kept->error;
            kept->thread = 0;
            return true;
        }
        drop(kept);
    }
    return false;
}

/* Also where it fails: the call may have been answered, and come again. */
int take_descriptor_by_caller(const struct call *call, int number)
{
    struct stopped stopped;
    int error = EPERM;
    int fd;

    if (take_kept(call, number, &fd))
        return fd;
    if (may_be_made_to_call(call->process))
        error = stop_caller(call, &stopped);
    if (error) {
        keep(call->thread, number, -1, error);
        errno = error;
        return -1;
    }
    fd = take(&stopped, number);
    keep(call->thread, number, fd, errno);
    errno = EAGAIN;
    return -1;
}

/*
 * Its processes are the one that was named, all that descend from it, and those that hold a
 * listener of theirs and are of the same program and user: workers whose parent has ended. Others
 * may hold one as well, as systemd does that has opened it: they accept nobody, and are left alone.
 */
#include "running_one.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exits.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "helper/processes/first_processes.h"
#include "helper/trace/borrow.h"
#include "helper/trace/by_call.h"
#include "helper/trace/injection.h"
#include "helper/trace/swaps.h"
#include "helper/trace/threads.h"
#include "helper/trace/trace.h"
#include "helper/trace/what_listens.h"
#include "takeover.h"
#include "upgrade.h"

static struct generation *running;

/* Those that do not descend from another one of them. */
static struct {
    struct member *member;
    size_t count;
} tops;

static bool add_top(pid_t pid)
{
    struct member member = {.pid = pid, .generation = FIRST_GENERATION};

    if (read_member(pid, &member) != IS_THERE)
        return false;
    tops.member = grow(tops.member, tops.count + 1, sizeof member);
    tops.member[tops.count++] = member;
    return true;
}

static const struct family *look_below_tops(void)
{
    begin_with_family(tops.member, tops.count, start_of(getpid()), true);
    return look_at_family();
}

static bool note_listeners(char *why, size_t size)
{
    pid_t denied;
    int error = note_what_listens(running->trace, &denied);

    if (error && is_denied(error))
        snprintf(why, size,
                 "process %d does not let its listeners be taken: %s; that takes its user or "
                 "CAP_SYS_PTRACE, and a container that allows ptrace(2)",
                 denied, strerror(error));
    else if (error)
        snprintf(why, size, "process %d does not let its listeners be taken: %s", denied,
                 strerror(error));
    return error == 0;
}

/* The address of a listener of theirs that this process holds, by inode; 0: it holds none. */
static uint64_t find_shared(pid_t pid)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    uint64_t found = 0;

    list_sockets(pid, &sockets, &count);
    for (size_t i = 0; i < count && found == 0; i++)
        if (find_bound(running->trace, sockets[i].inode))
            found = sockets[i].inode;
    free(sockets);
    return found;
}

static bool is_same_program(pid_t one, pid_t other)
{
    struct proc_status status[2];
    struct stat file[2];
    const pid_t pids[2] = {one, other};

    for (int i = 0; i < 2; i++) {
        char path[32];

        snprintf(path, sizeof path, "/proc/%d/exe", pids[i]);
        if (read_status(pids[i], &status[i]) != IS_THERE || stat(path, &file[i]) == -1)
            return false;
    }
    return status[0].real == status[1].real && file[0].st_dev == file[1].st_dev &&
           file[0].st_ino == file[1].st_ino;
}

static bool is_above(pid_t ancestor, pid_t pid)
{
    while (pid > 0 && pid != ancestor)
        pid = parent_of(pid);
    return pid == ancestor;
}

/* Returns false, with the reason in `why`, if it is one without whom they cannot be taken over. */
static bool judge_holder(pid_t pid, char *why, size_t size)
{
    char name[COMMAND_SIZE];

    if (!is_same_program(pid, running->first)) {
        read_command(pid, name);
        log_line(LEVEL_DEBUG, "process %d (%s) holds a listener of theirs, and is left alone", pid,
                 name);
        return true;
    }
    if (is_above(pid, running->first)) {
        snprintf(why, size,
                 "process %d is above process %d, is of the same program and holds its listeners: "
                 "name that one",
                 pid, running->first);
        return false;
    }
    add_top(pid);
    return true;
}

static bool look_for_others(char *why, size_t size)
{
    pid_t *processes;
    size_t count;
    bool right = true;

    list_processes(&processes, &count);
    for (size_t i = 0; i < count && right; i++)
        if (processes[i] != getpid() && !find_member(processes[i]) && find_shared(processes[i]))
            right = judge_holder(processes[i], why, size);
    free(processes);
    return right;
}

/* The listeners that a process holds, for is_waited_at(). */
static struct swaps held_by(pid_t pid)
{
    struct swaps swaps = {NULL, 0};
    struct open_socket *sockets = NULL;
    size_t count = 0;

    list_sockets(pid, &sockets, &count);
    for (size_t i = 0; i < count; i++)
        if (find_bound(running->trace, sockets[i].inode) && swaps.count < MOST_SWAPS)
            add_swap(&swaps, (struct swap){.number = sockets[i].fd, .inode = sockets[i].inode});
    free(sockets);
    return swaps;
}

/* In a filter of its own it can be made to do no call: what its epoll sets watch is enough. */
static bool is_out_of_reach(pid_t pid)
{
    struct swaps swaps = held_by(pid);
    struct proc_status status;
    bool sandboxed =
        read_status(pid, &status) == IS_THERE && status.filters > running->trace->filters;
    bool out = sandboxed && is_waited_at(pid, &swaps);

    free(swaps.item);
    return out;
}

/* Returns 0, or an errno: a thread is stopped for a moment, and goes on. */
static int try_to_stop(pid_t pid)
{
    enum { TRIES = 5 };
    int error = ESRCH;

    for (int i = 0; i < TRIES && error == ESRCH; i++) {
        pid_t thread = pick_thread_to_stop(pid);
        struct stopped stopped;

        if (thread)
            error = stop_thread(running->trace, pid, thread, &stopped);
        if (thread && !error)
            let_go(&stopped);
    }
    return error;
}

static bool can_retire(pid_t pid, char *why, size_t size)
{
    int error;

    if (is_out_of_reach(pid)) {
        snprintf(why, size,
                 "process %d waits for clients in a seccomp filter of its own, where it cannot be "
                 "made to let go of its listeners",
                 pid);
        return false;
    }
    error = try_to_stop(pid);
    if (error && error != ESRCH)
        snprintf(why, size,
                 "process %d does not let itself be stopped by ptrace(2): %s; that takes its user "
                 "or CAP_SYS_PTRACE, no debugger, and a process that is not stopped",
                 pid, strerror(error));
    return !error || error == ESRCH;
}

static bool can_retire_all(char *why, size_t size)
{
    const struct family *family = latest_family();

    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == FIRST_GENERATION &&
            find_shared(family->member[i].pid) && !can_retire(family->member[i].pid, why, size))
            return false;
    return true;
}

/* As it would be, had we started it long ago. */
static void make_generation(pid_t pid)
{
    running = new_generation();
    running->first = pid;
    running->stranger = running->executed = running->finished = true;
    running->started = now() - age_of(pid);
    add_first_process(running->number, pid);
    expect_no_orders(running->number);
    begin_trace_of_stranger(running);
    borrow_otherwise = take_descriptor_by_call;
    enter(running, READY, 0);
    spare_generation(running->number);
}

bool can_be_taken_over(pid_t pid, char *why, size_t size)
{
    *why = '\0';
    make_generation(pid);
    if (!add_top(pid)) {
        snprintf(why, size, "there is no process %d", pid);
        return false;
    }
    look_below_tops();
    if (!note_listeners(why, size) || !look_for_others(why, size))
        return false;
    look_below_tops();
    if (!note_listeners(why, size))
        return false;
    if (running->trace->bound_count == 0) {
        snprintf(why, size, "process %d, with all that descend from it, listens on nothing", pid);
        return false;
    }
    return can_retire_all(why, size);
}

void take_over(void)
{
    const size_t listeners = running->trace->bound_count;
    const size_t processes = count_members(FIRST_GENERATION);

    current = running;
    watch_foreign_members();
    log_line(LEVEL_INFO, "generation %u: runs already, pid %d, %zu process%s with %zu listener%s",
             running->number, running->first, processes, processes == 1 ? "" : "es", listeners,
             listeners == 1 ? "" : "s");
    begin_takeover();
    request_upgrade("tfhelper adopt", 0);
}

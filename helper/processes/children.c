/*
 * The kernel has a list of them for each thread, proc(5) /proc/PID/task/TID/children, if it was
 * built with CONFIG_PROC_CHILDREN, as those of distributions are. Where it was not, every process
 * is asked for its parent, once for each look at the family.
 */
#include "children.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper/base/memory.h"
#include "helper/kernel/procfile.h"
#include "pid_index.h"

/* Who ends while the others are read hands its children on: then they are read again. */
enum { MOST_ROUNDS = 4 };

struct list {
    pid_t *pid;
    size_t count;
};

static void append(struct list *list, pid_t pid)
{
    list->pid = grow(list->pid, list->count + 1, sizeof *list->pid);
    list->pid[list->count++] = pid;
}

/* ---- the kernel's lists ---- */

static enum lookup add_children_of_thread(pid_t pid, pid_t thread, struct list *children)
{
    char name[64];
    const char *text;
    pid_t child;

    snprintf(name, sizeof name, "task/%d/children", thread);
    text = read_proc_file(pid, name, NULL);
    if (!text)
        return failed_look(errno);
    while (next_child(&text, &child))
        append(children, child);
    return IS_THERE;
}

static enum lookup list_by_threads(pid_t pid, struct list *children)
{
    pid_t *threads;
    size_t count;
    enum lookup found = list_threads(pid, &threads, &count);
    int error = errno;

    for (size_t i = 0; i < count; i++)
        if (add_children_of_thread(pid, threads[i], children) == CANNOT_TELL) {
            found = CANNOT_TELL;
            error = errno;
        }
    free(threads);
    errno = error;
    return found;
}

/* ---- everybody's parents ---- */

static struct {
    pid_t pid;
    pid_t parent;
} * everybody;
static size_t everybody_count;
static struct pid_index places; /* in that list */

static int walk_error; /* why some may be missing, an errno */
static bool walked;    /* since look_anew_for_children() */

static void add_to_everybody(pid_t pid, pid_t parent)
{
    everybody = grow(everybody, everybody_count + 1, sizeof *everybody);
    everybody[everybody_count].pid = pid;
    everybody[everybody_count].parent = parent;
    add_position(&places, pid, everybody_count++);
}

static void read_parents(void)
{
    pid_t *processes;
    size_t count;

    everybody_count = 0;
    empty_index(&places);
    walk_error = list_processes(&processes, &count) == CANNOT_TELL ? errno : 0;
    for (size_t i = 0; i < count; i++) {
        struct proc_stat stat;
        enum lookup found = read_stat(processes[i], &stat);

        if (found == IS_THERE)
            add_to_everybody(stat.pid, stat.parent);
        else if (found == CANNOT_TELL && !is_denied(errno)) /* proc(5) hidepid */
            walk_error = errno;
    }
    free(processes);
}

/* A parent that we do not see has none of our processes above it, unless it has just ended. */
static bool has_every_parent(void)
{
    for (size_t i = 0; i < everybody_count; i++)
        if (everybody[i].parent != 0 && position_of(&places, everybody[i].parent) == NO_POSITION &&
            parent_of(everybody[i].pid) != everybody[i].parent)
            return false;
    return true;
}

static void walk(void)
{
    int rounds = 0;

    do {
        read_parents();
    } while (!has_every_parent() && ++rounds < MOST_ROUNDS);
    walked = true;
}

static enum lookup list_by_parents(pid_t pid, struct list *children)
{
    if (!walked)
        walk();
    for (size_t i = 0; i < everybody_count; i++)
        if (everybody[i].parent == pid)
            append(children, everybody[i].pid);
    errno = walk_error;
    return walk_error ? CANNOT_TELL : IS_THERE;
}

/* ---- */

/* Everybody may read their own files: what is missing there is missing everywhere. */
static bool kernel_has_lists(void)
{
    static bool known;
    static bool has;

    if (!known) {
        char name[64];

        snprintf(name, sizeof name, "task/%d/children", getpid());
        has = read_proc_file(getpid(), name, NULL) || errno != ENOENT;
        known = true;
    }
    return has;
}

enum lookup list_children(pid_t pid, pid_t **children, size_t *count)
{
    struct list list = {*children, *count};
    enum lookup found =
        kernel_has_lists() ? list_by_threads(pid, &list) : list_by_parents(pid, &list);

    *children = list.pid;
    *count = list.count;
    return found;
}

void look_anew_for_children(void)
{
    walked = false;
}

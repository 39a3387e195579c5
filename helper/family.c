/*
 * The helper is a subreaper, so all that the server ever forked hangs below it,
 * whoever has died in between. A process belongs to the generation of its
 * parent; an orphan to the one that it was last seen in, that it named when it
 * talked to us, or that its environment names.
 */
#include "family.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "control.h"
#include "generation.h"
#include "memory.h"
#include "procfile.h"

/* Two looks: the one being made, and the one before, which says what orphans were. */
static struct family looks[2];
static int latest;

/* What processes have said of themselves between looks. */
static struct {
    pid_t pid;
    unsigned generation;
} * learned;
static size_t learned_count;

static const struct member *find_in(const struct family *family, pid_t pid)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].pid == pid)
            return &family->member[i];
    return NULL;
}

/* Returns false when the process is gone or a zombie: then it holds nothing any more. */
static bool read_process(pid_t pid, struct member *member)
{
    char text[PROC_FILE_SIZE];
    const char *field;
    char state = 'Z';
    unsigned long long caught = 0;

    if (read_proc_file(pid, "stat", text, sizeof text) <= 0)
        return false;
    field = strrchr(text, ')'); /* the command's name may hold anything: proc(5) */
    if (!field || sscanf(field + 1,
                         " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                         "%*d %llu",
                         &state, (unsigned long long *)&member->started) != 2)
        return false;
    if (state == 'Z' || state == 'X')
        return false;
    if (read_proc_file(pid, "status", text, sizeof text) > 0) {
        field = strstr(text, "\nSigCgt:");
        if (field)
            caught = strtoull(field + sizeof "\nSigCgt:" - 1, NULL, 16);
    }
    member->takes_orders = caught >> (ORDER_SIGNAL - 1) & 1;
    return true;
}

/* The generation that the environment of a process names, 0 if it cannot be read or names none. */
static unsigned generation_in_environment(pid_t pid)
{
    static char text[256 * 1024];
    ssize_t size = read_proc_file(pid, "environ", text, sizeof text);
    const char *end = text + (size > 0 ? size : 0);
    unsigned generation;

    for (const char *at = text; at < end; at += strlen(at) + 1)
        if (strncmp(at, SESSION_VARIABLE "=", sizeof SESSION_VARIABLE) == 0 &&
            (generation = generation_of_session(at + sizeof SESSION_VARIABLE)) != 0)
            return generation;
    return 0;
}

static unsigned generation_of(const struct member *member, const struct family *before,
                              unsigned parents)
{
    const struct member *known = find_in(before, member->pid);

    if (known && known->started == member->started && known->generation != 0)
        return known->generation;
    if (parents != 0)
        return parents;
    for (const struct generation *g = generations; g; g = g->older)
        if (g->first == member->pid)
            return g->number;
    for (size_t i = 0; i < learned_count; i++)
        if (learned[i].pid == member->pid)
            return learned[i].generation;
    return generation_in_environment(member->pid);
}

/* proc(5) task/TID/children: needs CONFIG_PROC_CHILDREN, which distributions set. */
static void add_children(struct family *family, const struct family *before, pid_t parent,
                         pid_t thread, unsigned parents_generation)
{
    static char text[64 * 1024]; /* a large pool of workers */
    char name[64];
    char *at = text;
    ssize_t size;

    snprintf(name, sizeof name, "task/%d/children", thread);
    size = read_proc_file(parent, name, text, sizeof text);
    while (size > 0 && *at) {
        struct member member = {.pid = (pid_t)strtol(at, &at, 10), .parent = parent};

        while (*at == ' ')
            at++;
        if (member.pid <= 0)
            return;
        if (find_in(family, member.pid) || !read_process(member.pid, &member))
            continue;
        member.generation = generation_of(&member, before, parents_generation);
        family->member = grow(family->member, family->count + 1, sizeof member);
        family->member[family->count++] = member;
    }
}

static void add_children_of(struct family *family, const struct family *before, pid_t parent,
                            unsigned generation)
{
    pid_t *threads = NULL;
    size_t count = list_threads(parent, &threads);

    for (size_t i = 0; i < count; i++)
        add_children(family, before, parent, threads[i], generation);
    free(threads);
}

const struct family *look_at_family(void)
{
    const struct family *before = &looks[latest];
    struct family *family = &looks[1 - latest];

    family->count = 0;
    add_children_of(family, before, getpid(), 0);
    for (size_t i = 0; i < family->count; i++)
        add_children_of(family, before, family->member[i].pid, family->member[i].generation);
    latest = 1 - latest;
    learned_count = 0; /* whoever spoke and still lives has been seen now */
    return family;
}

const struct member *find_member(pid_t pid)
{
    return find_in(&looks[latest], pid);
}

size_t count_members(unsigned generation)
{
    const struct family *family = &looks[latest];
    size_t count = 0;

    for (size_t i = 0; i < family->count; i++)
        count += family->member[i].generation == generation;
    return count;
}

void learn_member(pid_t pid, unsigned generation)
{
    for (size_t i = 0; i < learned_count; i++)
        if (learned[i].pid == pid)
            return;
    learned = grow(learned, learned_count + 1, sizeof *learned);
    learned[learned_count].pid = pid;
    learned[learned_count++].generation = generation;
}

static pid_t parent_of(pid_t pid)
{
    char text[PROC_FILE_SIZE];
    const char *field;
    int parent;

    if (read_proc_file(pid, "stat", text, sizeof text) <= 0)
        return 0;
    field = strrchr(text, ')');
    return field && sscanf(field + 1, " %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

bool is_descendant(pid_t pid)
{
    pid_t self = getpid();

    while (pid > 1 && pid != self)
        pid = parent_of(pid);
    return pid == self;
}

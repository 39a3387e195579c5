/*
 * The helper is a subreaper, so all that the server ever forked hangs below it,
 * whoever has died in between. A process belongs to the generation of its
 * parent; an orphan to the one that it was last seen in, that it named when it
 * talked to us, or that its environment names.
 */
#include "family.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "clock.h"
#include "control.h"
#include "generation.h"
#include "memory.h"
#include "procfile.h"
#include "read_member.h"
#include "tools.h"

enum { MOST_LOOKS = 4, MOST_ASKED = 100 };

/* Has the first generation gone to the background? Then its processes are nobody's children. */
static bool handed_over;

/* When the helper was started, before any hand-over: no process of the server is older. */
static uint64_t session_started;

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

/* Is this process younger than the session, and not one of the kernel's threads? */
static bool may_be_ours(pid_t pid)
{
    struct member member = {0};

    return read_member(pid, &member) && member.started >= session_started && parent_of(pid) != 2;
}

/*
 * Read which generation the environment of a process names; 0 for none. Returns
 * the size of that environment: 0 of a process that is dead, or in the middle of
 * execve(), and -1 of one that we may not look into.
 */
static ssize_t read_generation(pid_t pid, unsigned *generation)
{
    static char text[256 * 1024];
    ssize_t size = read_proc_file(pid, "environ", text, sizeof text);

    *generation = 0;
    for (const char *at = text; at - text < size && *generation == 0; at += strlen(at) + 1)
        if (strncmp(at, SESSION_VARIABLE "=", sizeof SESSION_VARIABLE) == 0)
            *generation = generation_of_session(at + sizeof SESSION_VARIABLE);
    return size;
}

/*
 * The generation of a process that may be anybody's, asked again while it
 * executes something, as often as `patience` says. Who may not be looked into is
 * not ours: one of ours that has changed its uid was seen before, or speaks.
 */
static unsigned generation_of_stranger(pid_t pid, int *patience)
{
    static const struct timespec moment = {0, MILLISECOND};
    unsigned generation;

    while (read_generation(pid, &generation) == 0 && *patience > 0 && may_be_ours(pid)) {
        --*patience;
        nanosleep(&moment, NULL);
    }
    return generation;
}

/* It may be a zombie still, whose end we have not been told. */
static bool has_lost_its_first(const struct generation *generation)
{
    struct member first;

    return generation->exited || (generation->first && !read_member(generation->first, &first));
}

/*
 * An orphan that has reached us without having been seen before: a daemon on
 * its way to the background. If its environment does not tell (nginx writes
 * its title over it), it belongs to the youngest generation that has lost its
 * first process, unless it says otherwise later.
 */
static void take_orphan(struct member *orphan)
{
    if (read_generation(orphan->pid, &orphan->generation) > 0 && orphan->generation != 0)
        return;
    for (const struct generation *g = generations; g && orphan->generation == 0; g = g->older)
        if (g->state != GONE && has_lost_its_first(g))
            orphan->generation = g->number;
    orphan->guessed = true;
}

static bool is_first_of(pid_t pid, unsigned *generation)
{
    for (const struct generation *g = generations; g; g = g->older)
        if (g->first == pid && !g->exited) {
            *generation = g->number;
            return true;
        }
    return false;
}

static bool has_said(pid_t pid, unsigned *generation)
{
    for (size_t i = 0; i < learned_count; i++)
        if (learned[i].pid == pid) {
            *generation = learned[i].generation;
            return true;
        }
    return false;
}

static void find_generation_of(struct member *member, const struct family *before,
                               const struct member *parent)
{
    const struct member *known = find_in(before, member->pid);

    if (known && (known->started != member->started || known->generation == 0))
        known = NULL;
    if (known && !known->guessed) {
        member->generation = known->generation;
    } else if (parent->generation != 0) {
        member->generation = parent->generation;
        member->guessed = parent->guessed;
    } else if (is_first_of(member->pid, &member->generation) ||
               has_said(member->pid, &member->generation)) {
        return;
    } else if (known) {
        member->generation = known->generation;
        member->guessed = true;
    } else {
        take_orphan(member);
    }
}

/* How many children of the present look turned out to be dead. */
static size_t dead_seen;

/* proc(5) task/TID/children: needs CONFIG_PROC_CHILDREN, which distributions set. */
static void add_children(struct family *family, const struct family *before,
                         const struct member *parent, pid_t thread)
{
    static char text[64 * 1024]; /* a large pool of workers */
    char name[64];
    char *at = text;
    ssize_t size;

    snprintf(name, sizeof name, "task/%d/children", thread);
    size = read_proc_file(parent->pid, name, text, sizeof text);
    while (size > 0 && *at) {
        struct member member = {.pid = (pid_t)strtol(at, &at, 10), .parent = parent->pid};

        while (*at == ' ')
            at++;
        if (member.pid <= 0)
            return;
        if (find_in(family, member.pid) || is_tool(member.pid))
            continue;
        if (!read_member(member.pid, &member)) {
            dead_seen++;
            continue;
        }
        find_generation_of(&member, before, parent);
        family->member = grow(family->member, family->count + 1, sizeof member);
        family->member[family->count++] = member;
    }
}

/* By value: the family moves as it grows. */
static void add_children_of(struct family *family, const struct family *before,
                            struct member parent)
{
    pid_t *threads = NULL;
    size_t count = list_threads(parent.pid, &threads);

    for (size_t i = 0; i < count; i++)
        add_children(family, before, &parent, threads[i]);
    free(threads);
}

/* Its pid may be another process's by now. */
static bool is_still_there(const struct member *known)
{
    struct member member;

    return read_member(known->pid, &member) && member.started == known->started;
}

/* A process of which the pid and the generation are known. */
static void add_process(struct family *family, struct member member)
{
    if (find_in(family, member.pid) || !read_member(member.pid, &member))
        return;
    member.parent = parent_of(member.pid);
    family->member = grow(family->member, family->count + 1, sizeof member);
    family->member[family->count++] = member;
}

static size_t count_in(const struct family *family, unsigned generation)
{
    size_t count = 0;

    for (size_t i = 0; i < family->count; i++)
        count += family->member[i].generation == generation;
    return count;
}

/*
 * After a hand-over, a process of the first generation that we have never seen
 * (the second fork of a daemon, while the first one ended) is found by its
 * environment alone.
 */
static void search_everywhere(struct family *family)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    int patience = MOST_ASKED;

    while (directory && (entry = readdir(directory))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && pid != getpid() &&
            generation_of_stranger(pid, &patience) == FIRST_GENERATION)
            add_process(family, (struct member){.pid = pid, .generation = FIRST_GENERATION});
    }
    if (directory)
        closedir(directory);
}

static void look_beyond_descendants(struct family *family, const struct family *before)
{
    for (size_t i = 0; i < before->count; i++)
        if (is_still_there(&before->member[i]))
            add_process(family, before->member[i]);
    for (size_t i = 0; i < learned_count; i++)
        add_process(family,
                    (struct member){.pid = learned[i].pid, .generation = learned[i].generation});
    if (find_generation(FIRST_GENERATION) && count_in(family, FIRST_GENERATION) == 0)
        search_everywhere(family);
}

const struct family *latest_family(void)
{
    return &looks[latest];
}

static void look_once(struct family *family, const struct family *before)
{
    family->count = 0;
    add_children_of(family, before, (struct member){.pid = getpid()});
    if (handed_over)
        look_beyond_descendants(family, before);
    for (size_t i = 0; i < family->count; i++)
        add_children_of(family, before, family->member[i]);
}

void expect_foreign_members(void)
{
    handed_over = true;
}

/*
 * The children of a process that has just ended hang elsewhere now, perhaps
 * where this look has been already: look again until nobody dies under our
 * eyes, or for so long that it is a server which forks all the time.
 */
const struct family *look_at_family(void)
{
    struct family *family = &looks[1 - latest];
    size_t dead_before = SIZE_MAX;
    struct member self;

    if (session_started == 0 && read_member(getpid(), &self))
        session_started = self.started;
    dead_seen = 0;
    for (int i = 0; i < MOST_LOOKS && dead_seen != dead_before; i++) {
        dead_before = dead_seen;
        dead_seen = 0;
        look_once(family, &looks[latest]);
    }
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
    return count_in(&looks[latest], generation);
}

bool list_sockets_of(unsigned generation, struct open_socket **sockets, size_t *count)
{
    const struct family *family = look_at_family();
    bool all = true;

    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation &&
            list_sockets(family->member[i].pid, sockets, count) == -1 && errno == EACCES)
            all = false;
    return all;
}

bool is_held_by(unsigned generation, uint64_t inode)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    bool held = false;

    list_sockets_of(generation, &sockets, &count);
    for (size_t i = 0; i < count; i++)
        held |= sockets[i].inode == inode;
    free(sockets);
    return held;
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

bool may_belong_to(pid_t pid, unsigned generation)
{
    const pid_t self = getpid();
    unsigned first_of;

    for (; pid > 0 && pid != self; pid = parent_of(pid)) {
        const struct member *member = find_member(pid);

        if (is_first_of(pid, &first_of))
            return first_of == generation;
        if (member && member->generation != 0 && !member->guessed &&
            (member->generation == generation || is_still_there(member)))
            return member->generation == generation;
    }
    return true;
}

bool is_member(pid_t pid)
{
    pid_t self = getpid();

    /* we may be pid 1 ourselves, whose parent is 0 */
    while (pid > 0 && pid != self && !find_member(pid))
        pid = parent_of(pid);
    return pid > 0;
}

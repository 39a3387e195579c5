/*
 * nginx, gunicorn and others execute their own program again, hand it their listeners, and end when
 * they are told to. Who the new main process is, is seen in what the kernel knows: it was executed,
 * and not merely forked, by the old one, as the same user; both have had the same listener at one
 * time; and it, or what it has forked, waits for clients there. A child that has merely got the
 * listener does not, nor does one with a listener of its own; and a daemon is forked.
 *
 * Its parent has to end in an orderly way, or it has failed, whatever it leaves behind: the workers
 * of a master may be executed as well.
 */
#include "own_upgrade.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "helper/processes/first_processes.h"

/* The process that this one is, or of which it is a fork. False: no executed one is known. */
static bool find_executed(pid_t pid, struct proc_stat *stat)
{
    for (; pid > 0 && pid != getpid(); pid = stat->parent) {
        if (read_stat(pid, stat) != IS_THERE)
            return false;
        if (stat->executed)
            return true;
    }
    return false;
}

static bool holds(pid_t pid, uint64_t listener)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    bool found = false;

    list_sockets(pid, &sockets, &count);
    for (size_t i = 0; i < count && !found; i++)
        found = sockets[i].inode == listener;
    free(sockets);
    return found;
}

/* A worker without privileges that executes something does not become the main process of root. */
static bool have_one_user(pid_t one, pid_t other)
{
    uid_t real[2];
    uid_t saved[2];

    return read_uids(one, &real[0], &saved[0]) && read_uids(other, &real[1], &saved[1]) &&
           real[0] == real[1] && saved[0] == saved[1];
}

static void add_candidate(struct own_upgrade *own, struct candidate candidate)
{
    for (size_t i = 0; i < own->count; i++)
        if (own->candidate[i].pid == candidate.pid &&
            own->candidate[i].started == candidate.started)
            return;
    if (own->count == MOST_CANDIDATES)
        memmove(own->candidate, own->candidate + 1, --own->count * sizeof *own->candidate);
    own->candidate[own->count++] = candidate;
}

void note_who_waits(struct generation *generation, pid_t pid, uint64_t listener)
{
    struct proc_stat executed = {0};

    if (!find_executed(pid, &executed))
        return;
    if (executed.pid == generation->first && !generation->exited)
        generation->own_upgrade.first_serves = true;
    else if (have_one_user(executed.parent, executed.pid) && holds(executed.parent, listener) &&
             holds(executed.pid, listener))
        add_candidate(&generation->own_upgrade, (struct candidate){executed.pid, executed.started,
                                                                   executed.parent, listener});
}

/* Is it there, and has it the listener still? */
static bool serves(const struct generation *generation, const struct candidate *candidate)
{
    const struct member *member = find_member(candidate->pid);

    return member && member->started == candidate->started &&
           member->generation == generation->number && holds(candidate->pid, candidate->listener);
}

/* The last one that `parent` has executed, as an attempt before it may have failed; or NULL. */
static const struct candidate *find_candidate(const struct generation *generation, pid_t parent)
{
    const struct own_upgrade *own = &generation->own_upgrade;

    for (size_t i = own->count; i-- > 0;)
        if (own->candidate[i].parent == parent && serves(generation, &own->candidate[i]))
            return &own->candidate[i];
    return NULL;
}

static void say_replaced(const struct generation *generation, const struct candidate *candidate)
{
    log_line(LEVEL_INFO,
             "generation %u: process %d has ended, and process %d, which it had executed, serves "
             "on in its place",
             generation->number, candidate->parent, candidate->pid);
}

bool has_replaced_itself(struct generation *generation)
{
    const struct candidate *candidate;
    const struct member *member;

    if (!generation->own_upgrade.first_serves || has_failed(generation->wait_status))
        return false;
    look_at_family();
    candidate = find_candidate(generation, generation->first);
    member = candidate ? find_member(candidate->pid) : NULL;
    if (!member || member->parent != getpid()) /* or we would not learn of its end */
        return false;
    say_replaced(generation, candidate);
    generation->first = candidate->pid;
    generation->exited = false;
    generation->own_upgrade = (struct own_upgrade){.first_serves = true};
    replace_first_process(generation->number, generation->first);
    return true;
}

static bool has_executed_one(const struct generation *generation, pid_t pid)
{
    for (size_t i = 0; i < generation->own_upgrade.count; i++)
        if (generation->own_upgrade.candidate[i].parent == pid)
            return true;
    return false;
}

void say_if_replaced(pid_t pid)
{
    for (const struct generation *g = generations; g; g = g->older) {
        const struct candidate *candidate = NULL;

        if (!g->exited || !has_executed_one(g, pid))
            continue;
        look_at_family();
        candidate = find_candidate(g, pid);
        if (candidate)
            say_replaced(g, candidate);
    }
}

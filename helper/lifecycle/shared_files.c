/*
 * Only the operator knows whether two generations may overlap in what a lock protects, and has
 * named the file then (TFPRELOAD_SHARED_FILES). A lock on any other stays one: but a generation
 * that fails has probably failed of it, and the log says so.
 */
#include "shared_files.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "preload/wire/keys.h"
#include "sight.h"

/* More than a server has of pid files; what is beyond stays there. */
enum { MOST_REMOVED = 64 };

static bool is_file_at(const char *path, const struct file_identity *file)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_dev == file->device &&
           status.st_ino == file->inode;
}

/* Paths with colons between them. */
static bool is_named_by_operator(const struct file_identity *file)
{
    const char *at = settings.shared_files ? settings.shared_files : "";

    while (*at) {
        size_t length = strcspn(at, ":");
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%.*s", (int)length, at);
        if (is_file_at(path, file))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static bool has_predecessor(const struct generation *generation)
{
    for (const struct generation *old = generation->older; old; old = old->older)
        if (!is_gone(old->state))
            return true;
    return false;
}

/* Whoever cannot be looked into may have it. */
static bool may_predecessor_have_open(const struct generation *generation,
                                      const struct file_identity *file)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation < generation->number &&
            has_open(family->member[i].pid, file->device, file->inode) != IS_GONE)
            return true;
    return false;
}

static void note_obstacle(struct generation *generation, const char *name, const char *what)
{
    if (is_on_its_way(generation->state))
        snprintf(generation->obstacle, sizeof generation->obstacle,
                 "%s is %s, and TFPRELOAD_SHARED_FILES does not name it", name[0] ? name : "a file",
                 what);
}

/* Once it is ready, only what is named may still be waited for. */
static bool may_meet(const struct generation *generation)
{
    return has_predecessor(generation) &&
           (is_on_its_way(generation->state) || settings.shared_files);
}

enum sharing sharing_of_lock(struct generation *generation, const struct listener_key *key)
{
    struct file_identity file = identity_of(key);

    if (!may_meet(generation))
        return NO_NEIGHBOUR;
    if (!may_predecessor_have_open(generation, &file))
        return NOT_SHARED;
    if (is_named_by_operator(&file))
        return SHARED;
    note_obstacle(generation, file.name, "locked");
    return NOT_SHARED;
}

static bool is_removed(const struct generation *generation, const struct file_identity *file)
{
    for (size_t i = 0; i < generation->removed_count; i++)
        if (generation->removed[i].device == file->device &&
            generation->removed[i].inode == file->inode)
            return true;
    return false;
}

enum sharing sharing_of_new_file(struct generation *generation, const struct listener_key *key,
                                 pid_t pid)
{
    struct file_identity file = identity_of(key);

    if (!may_meet(generation))
        return NO_NEIGHBOUR;
    if (is_named_by_operator(&file))
        return SHARED;
    if (is_removed(generation, &file))
        return REMOVED;
    if ((pid && is_served_by(generation, pid)) || may_predecessor_have_open(generation, &file))
        note_obstacle(generation, file.name, "there");
    return NOT_SHARED;
}

void note_removed(struct generation *generation, const struct listener_key *key)
{
    struct file_identity file = identity_of(key);

    if (generation->removed_count >= MOST_REMOVED || is_removed(generation, &file))
        return;
    generation->removed =
        grow(generation->removed, generation->removed_count + 1, sizeof *generation->removed);
    generation->removed[generation->removed_count++] = file;
}

bool may_remove_shared(struct generation *generation, const struct listener_key *key)
{
    struct file_identity file = identity_of(key);

    return !current || generation == current || !is_named_by_operator(&file);
}

void pass_locks_on(void)
{
    if (!settings.shared_files)
        return;
    for (const struct generation *g = generations; g; g = g->older)
        if (is_serving(g->state) || is_on_its_way(g->state))
            announce(g->number, ORDER_LOCK);
}

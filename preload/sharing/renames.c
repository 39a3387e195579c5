/*
 * A program that wants no moment without a path binds a socket beside it, makes a spare
 * name of the old one perhaps, and then renames. Its clients know the path alone, and so
 * it is there that the inherited socket is looked for. That one takes the place of the new
 * one, and the path leads to it as before: whatever happens to the new generation, clients
 * find who serves.
 *
 * Which generation serves on a file is for the helper to say: paths.c.
 */
#include "renames.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "paths.h"
#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/process/process.h"
#include "preload/upgrade/adopt.h"

enum { EXCHANGE = 1 << 1 }; /* RENAME_EXCHANGE, which not every libc has */

struct place {
    int directory;
    const char *path;
    struct file_status status;
};

static bool is_socket(struct place *place)
{
    return place->path &&
           read_file_status(place->directory, place->path, AT_SYMLINK_NOFOLLOW, &place->status) ==
               0 &&
           S_ISSOCK(place->status.mode);
}

static bool is_same_file(const struct place *one, const struct place *other)
{
    return one->status.device == other->status.device && one->status.inode == other->status.inode;
}

static bool is_served(const struct place *place)
{
    return others_serve_on(&place->status, place->path);
}

static void remove_name(const struct place *place)
{
    real()->unlinkat(place->directory, place->path, 0);
}

static bool add_name(const struct place *to, const struct place *name)
{
    return real()->linkat(to->directory, to->path, name->directory, name->path, 0) == 0;
}

/* Who may connect, as the program has set it for the new one. What it may not, it could not before.
 */
static void give_rights(const struct place *from, const struct place *to)
{
    const mode_t bits = 07777;

    if (from->status.user != to->status.user || from->status.group != to->status.group)
        (void)!fchownat(to->directory, to->path, from->status.user, from->status.group,
                        AT_SYMLINK_NOFOLLOW);
    if ((from->status.mode & bits) != (to->status.mode & bits))
        fchmodat(to->directory, to->path, from->status.mode & bits, AT_SYMLINK_NOFOLLOW);
}

/* Both paths are there. What was inherited serves at the one; the other was to take its place. */
static bool take_place(const struct place *fresh, const struct place *served, bool keep_name)
{
    if (!adopt_at_path(&fresh->status, &served->status))
        return false;
    give_rights(fresh, served);
    remove_name(fresh);
    if (keep_name)
        add_name(served, fresh);
    return true;
}

/* The old path is moved out of the way: then it gets a second name, and stays. */
static bool link_instead(const struct place *from, struct place *to)
{
    if (!is_served(from))
        return false;
    if (add_name(from, to))
        return true;
    if (errno != EEXIST || (is_socket(to) && is_served(to)))
        return false;
    remove_name(to);
    return add_name(from, to);
}

/* Two names of one file: rename(2) leaves both, where the one would be back at its place. */
static bool drop_spare(const struct place *spare, const struct place *path)
{
    if (!is_served(path) || is_served(spare))
        return false;
    remove_name(spare);
    return true;
}

static bool rename_socket(struct place *from, struct place *to, unsigned flags)
{
    if (!is_socket(to))
        return !(flags & EXCHANGE) && link_instead(from, to);
    if (is_same_file(from, to))
        return drop_spare(from, to);
    if (take_place(from, to, flags & EXCHANGE))
        return true;
    return flags & EXCHANGE ? take_place(to, from, true) : link_instead(from, to);
}

bool has_renamed_socket(int from_directory, const char *from, int to_directory, const char *to,
                        unsigned flags)
{
    int saved = errno;
    struct place one = {.directory = from_directory, .path = from};
    struct place other = {.directory = to_directory, .path = to};
    bool done = session.active && is_socket(&one) && rename_socket(&one, &other, flags);

    errno = saved;
    return done;
}

bool has_linked_socket(int from_directory, const char *from, int to_directory, const char *to)
{
    int saved = errno;
    struct place fresh = {.directory = from_directory, .path = from};
    struct place served = {.directory = to_directory, .path = to};
    bool done = session.inherits && session.active && is_socket(&fresh) && is_socket(&served) &&
                !is_same_file(&fresh, &served) && take_place(&fresh, &served, true);

    errno = saved;
    return done;
}

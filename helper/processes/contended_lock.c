/*
 * mariadb asks for the lock of its data again and again, and a script sleeps in flock(1): neither
 * looks from outside as if it waited for a lock. But both have the file open, and proc(5) lists who
 * has locked it (/proc/locks, with device and inode).
 */
#include "contended_lock.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "family.h"
#include "helper/base/plain.h"

struct lock {
    int holder; /* -1 of an open file description (fcntl(2)), which several processes may have */
    unsigned major;
    unsigned minor;
    unsigned long long inode;
};

/* "1: POSIX  ADVISORY  WRITE 4711 08:01:1234 0 EOF". Who waits ("1: -> POSIX …") has none. */
static bool parse_lock(const char *line, struct lock *lock)
{
    return sscanf(line, "%*d: %*[A-Z] %*[A-Z] %*[A-Z] %d %x:%x:%llu ", &lock->holder, &lock->major,
                  &lock->minor, &lock->inode) == 4;
}

static bool is_of(int pid, unsigned generation)
{
    const struct member *member = find_member(pid);

    return member && member->generation == generation;
}

/* Has the process this file open? Its name into `name`. */
static bool has_open(pid_t pid, const struct lock *lock, char name[PATH_MAX])
{
    char path[64];
    struct stat status;
    const struct dirent *entry;
    bool found = false;
    DIR *directory;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    directory = opendir(path);
    while (directory && !found && (entry = readdir(directory)))
        if (fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISREG(status.st_mode) &&
            status.st_ino == lock->inode && major(status.st_dev) == lock->major &&
            minor(status.st_dev) == lock->minor) {
            ssize_t length = readlinkat(dirfd(directory), entry->d_name, name, PATH_MAX - 1);

            name[length > 0 ? length : 0] = '\0';
            found = length > 0;
        }
    if (directory)
        closedir(directory);
    return found;
}

/* Does a process of the generation want it? */
static bool is_wanted(const struct lock *lock, unsigned generation, char *text, size_t size)
{
    const struct family *family = latest_family();
    char name[PATH_MAX];

    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation &&
            has_open(family->member[i].pid, lock, name)) {
            make_plain(name);
            if (lock->holder > 0)
                snprintf(text, size, "it may wait for the lock of %s, which process %d has", name,
                         lock->holder);
            else
                snprintf(text, size, "it may wait for the lock of %s", name);
            return true;
        }
    return false;
}

/* The first lock for which look() says so. */
static bool find_lock(bool (*look)(const struct lock *lock, unsigned generation, char *text,
                                   size_t size),
                      unsigned generation, char *text, size_t size)
{
    FILE *file = fopen("/proc/locks", "re");
    bool found = false;
    struct lock lock;
    char *line = NULL;
    size_t room = 0;

    look_at_family();
    while (file && !found && getline(&line, &room, file) != -1)
        found = parse_lock(line, &lock) && look(&lock, generation, text, size);
    free(line);
    if (file)
        fclose(file);
    return found;
}

static bool is_contended(const struct lock *lock, unsigned generation, char *text, size_t size)
{
    return !is_of(lock->holder, generation) && is_wanted(lock, generation, text, size);
}

bool find_contended_lock(unsigned generation, char *text, size_t size)
{
    return find_lock(is_contended, generation, text, size);
}

static bool is_held(const struct lock *lock, unsigned generation, char *text, size_t size)
{
    char name[PATH_MAX];

    if (!is_of(lock->holder, generation) || !has_open(lock->holder, lock, name))
        return false;
    make_plain(name);
    snprintf(text, size, "%s", name);
    return true;
}

bool find_held_lock(unsigned generation, char *name, size_t size)
{
    return find_lock(is_held, generation, name, size);
}

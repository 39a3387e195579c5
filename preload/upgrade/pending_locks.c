/*
 * A lock that the operator has two generations share is taken when the older one is gone.
 * Those of flock(2) and of open file descriptions go to the children of whoever has
 * asked, as this table does; those of fcntl(2) belong to one process alone.
 */
#include "pending_locks.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/file.h>

#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"

enum { MOST_LOCKS = 32 };

static struct pending {
    atomic_uint taken; /* the place is somebody's */
    atomic_bool there; /* published last */
    pid_t owner;
    struct file_status file;
    struct lock lock;
} table[MOST_LOCKS];

static bool find_file(int fd, struct file_status *file)
{
    return read_descriptor_status(fd, file) == 0;
}

static bool is_same_file(const struct file_status *one, const struct file_status *other)
{
    return one->inode == other->inode && one->device == other->device;
}

static void drop(struct pending *pending)
{
    pending->there = false;
    pending->taken = false;
}

bool keep_lock(const struct lock *lock)
{
    for (int i = 0; i < MOST_LOCKS; i++) {
        struct pending *pending = &table[i];

        if (atomic_exchange(&pending->taken, true))
            continue;
        pending->lock = *lock;
        pending->owner = kernel_getpid();
        if (find_file(lock->fd, &pending->file)) {
            pending->there = true;
            return true;
        }
        pending->taken = false;
        return false;
    }
    return false;
}

void drop_locks(int fd, enum lock_kind kind)
{
    int saved = errno;
    struct file_status file;

    for (int i = 0; i < MOST_LOCKS; i++)
        if (table[i].there && table[i].lock.kind == kind && find_file(fd, &file) &&
            is_same_file(&file, &table[i].file))
            drop(&table[i]);
    errno = saved;
}

static bool belongs_to_its_process(const struct lock *lock)
{
    return lock->kind == LOCK_BY_FCNTL && lock->command != F_OFD_SETLK;
}

static int take(struct lock *lock)
{
    return lock->kind == LOCK_BY_FLOCK ? real()->flock(lock->fd, lock->command | LOCK_NB)
                                       : lock->call(lock->fd, lock->command, &lock->range);
}

void take_pending_locks(void)
{
    for (int i = 0; i < MOST_LOCKS; i++) {
        struct pending *pending = &table[i];
        struct file_status file;

        if (!pending->there)
            continue;
        if ((belongs_to_its_process(&pending->lock) && pending->owner != kernel_getpid()) ||
            !find_file(pending->lock.fd, &file) || !is_same_file(&file, &pending->file) ||
            take(&pending->lock) == 0)
            drop(pending);
    }
}

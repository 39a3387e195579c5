/*
 * A lock says that there is no other one, and a generation that starts finds its
 * predecessor's. Only the operator knows whether two may run at once: what
 * TFPRELOAD_SHARED_FILES names is locked for both, and of anything else the helper
 * remembers that it was in the way. Nothing is asked before a lock is refused, and
 * nothing once this generation is ready and no file is named.
 */
#include "locks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <unistd.h>

#include "files.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/real.h"
#include "preload/process/process.h"
#include "preload/signals/actions.h"
#include "preload/upgrade/pending_locks.h"

/* Is it the predecessor that holds the lock, and may both have it? Then we have it, in a way. */
static bool shares_lock(const struct lock *lock)
{
    if (!may_share_open_file(lock->fd) || !keep_lock(lock))
        return false;
    protect_signals(); /* so that the helper can tell when the older one has gone */
    return true;
}

static bool is_held_by_others(int error)
{
    return error == EAGAIN || error == EACCES;
}

int program_flock(int fd, int operation)
{
    struct lock lock = {.kind = LOCK_BY_FLOCK, .fd = fd, .command = operation & ~LOCK_NB};
    int saved = errno;

    if (operation & LOCK_UN)
        drop_locks(fd, LOCK_BY_FLOCK);
    else if (has_neighbours()) {
        if (real()->flock(fd, operation | LOCK_NB) == 0)
            return 0;
        if (is_held_by_others(errno) && shares_lock(&lock)) {
            errno = saved;
            return 0;
        }
        errno = saved;
    }
    return real()->flock(fd, operation);
}

bool sets_lock(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
           command == F_OFD_SETLKW;
}

static int without_waiting(int command)
{
    return command == F_SETLKW ? F_SETLK : command == F_OFD_SETLKW ? F_OFD_SETLK : command;
}

int program_fcntl_lock(int (*call)(int, int, ...), int fd, int command, void *range)
{
    struct lock lock = {
        .kind = LOCK_BY_FCNTL, .fd = fd, .call = call, .command = without_waiting(command)};
    int saved = errno;

    if (!session.active || !read_program_memory(&lock.range, range, sizeof lock.range))
        return call(fd, command, range);
    if (lock.range.l_type == F_UNLCK)
        drop_locks(fd, LOCK_BY_FCNTL);
    else if (has_neighbours()) {
        if (call(fd, lock.command, range) == 0)
            return 0;
        if (is_held_by_others(errno) && shares_lock(&lock)) {
            errno = saved;
            return 0;
        }
        errno = saved;
    }
    return call(fd, command, range);
}

/* lockf(3) is fcntl(2) inside of libc, from where the file is read or written next. */
int program_lockf(int fd, int command, off_t length)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = length};
    int saved = errno;
    off_t at = lseek(fd, 0, SEEK_CUR);

    errno = saved;
    if (at == -1 || command == F_TEST)
        return real()->lockf(fd, command, length);
    range.l_start = at;
    if (command == F_ULOCK)
        range.l_type = F_UNLCK;
    else if (command != F_LOCK && command != F_TLOCK)
        return real()->lockf(fd, command, length);
    return program_fcntl_lock(real()->fcntl, fd, command == F_LOCK ? F_SETLKW : F_SETLK, &range);
}

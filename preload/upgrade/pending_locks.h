/* Locks that this process believes to have, and that an older generation has still. */
#ifndef TFPRELOAD_PENDING_LOCKS_H
#define TFPRELOAD_PENDING_LOCKS_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/types.h>

enum lock_kind { LOCK_BY_FLOCK, LOCK_BY_FCNTL };

struct lock {
    enum lock_kind kind;
    int fd;
    int (*call)(int, int, ...); /* LOCK_BY_FCNTL: fcntl(), or fcntl64() */
    int command;                /* F_SETLK or F_OFD_SETLK; of flock(2): its operation */
    struct flock range;         /* LOCK_BY_FCNTL: as the program gave it */
};

/* Keep a lock to be taken later. False if there is no room. Changes errno. */
bool keep_lock(const struct lock *lock);

/* The program has given up what it has of that kind on the file of `fd`. Keeps errno. */
void drop_locks(int fd, enum lock_kind kind);

/* An older generation is gone: take what can be taken now. Async-signal-safe; changes errno. */
void take_pending_locks(void);

#endif

/*
 * A hint beside the kernel's truth, like a note: whoever uses it has asked the kernel whether the
 * set watches that number at all (kcmp(2)). An entry of a set or a socket that has been closed is
 * written over when room is short, and a program that registers by system calls of its own has
 * none.
 */
#include "told_sets.h"

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "process.h"

/* Few listeners are in few sets. Where there are more, the kernel is asked. */
enum { MOST_TOLD = 64 };

/* Another thread holds the lock for a few system calls. */
enum { MOST_ATTEMPTS = 1000 };

static struct told {
    _Atomic(ino_t) inode; /* 0: free. Published last: the child of a fork finds whole entries */
    int set;
    int fd;
    struct epoll_event event;
} told[MOST_TOLD];

static atomic_bool none_trusted;

static struct told *find_entry(int set, int fd)
{
    for (size_t i = 0; i < MOST_TOLD; i++)
        if (told[i].inode != 0 && told[i].set == set && told[i].fd == fd)
            return &told[i];
    return NULL;
}

static bool is_stale(const struct told *entry)
{
    return entry->inode == 0 || socket_inode(entry->fd) != entry->inode ||
           socket_option(entry->set, SO_TYPE) != -1 || kernel_fcntl(entry->set, F_GETFD, 0) == -1;
}

/* Where it was before, if it was: nginx takes its listeners out and puts them in all the time. */
static struct told *find_room(int set, int fd)
{
    for (size_t i = 0; i < MOST_TOLD; i++)
        if (told[i].set == set && told[i].fd == fd)
            return &told[i];
    for (size_t i = 0; i < MOST_TOLD; i++)
        if (is_stale(&told[i]))
            return &told[i];
    return NULL;
}

/* A handler of the program's may have interrupted who holds the lock: it is not waited for long. */
static bool lock_told(struct own_state *own)
{
    for (int i = 0; i < MOST_ATTEMPTS; i++) {
        if (!atomic_flag_test_and_set(&own->told_lock))
            return true;
        sched_yield();
    }
    return false;
}

/*
 * Until the kernel has done it, nothing is known for certain: a fork may come in between. What is
 * changed or taken out may stand in a set that has another number as well (dup(2)).
 */
bool begin_telling(int set, int operation, int fd)
{
    struct own_state *own = own_state();

    if (!own)
        return false;
    if (!lock_told(own)) {
        none_trusted = true;
        return false;
    }
    for (size_t i = 0; i < MOST_TOLD; i++)
        if (told[i].fd == fd && (told[i].set == set || operation != EPOLL_CTL_ADD))
            told[i].inode = 0;
    return true;
}

void end_telling(void)
{
    struct own_state *own = own_state();

    if (own)
        atomic_flag_clear(&own->told_lock);
}

/*
 * With EPOLLONESHOT the kernel changes by itself what is registered, at each event: nothing that
 * was told stays true. EPOLLERR and EPOLLHUP it adds to whatever it is told.
 */
void remember_told(int set, int fd, ino_t inode, const struct epoll_event *event)
{
    struct told *entry = event->events & EPOLLONESHOT ? NULL : find_room(set, fd);

    if (!entry)
        return;
    entry->inode = 0;
    entry->set = set;
    entry->fd = fd;
    entry->event = *event;
    entry->event.events |= EPOLLERR | EPOLLHUP;
    entry->inode = inode;
}

void forget_told(int fd)
{
    for (size_t i = 0; i < MOST_TOLD; i++)
        if (told[i].fd == fd)
            told[i].inode = 0;
}

bool find_told(int set, int fd, ino_t inode, struct epoll_event *event)
{
    struct own_state *own = own_state();
    const struct told *entry;
    bool found;

    if (none_trusted || !own || atomic_flag_test_and_set(&own->told_lock))
        return false;
    entry = find_entry(set, fd);
    found = entry && entry->inode == inode;
    if (found)
        *event = entry->event;
    atomic_flag_clear(&own->told_lock);
    return found;
}

/*
 * Retiring reads what the epoll sets watch, takes the listeners out, and puts
 * their replacements in. A thread that changes a registration meanwhile would see
 * ENOENT or EEXIST, or what it adds would be left behind: so one waits for the
 * other. (Whoever is told to retire while it holds the lock is told again.) What is
 * said of a listener is remembered.
 */
#include "registration.h"

#include <errno.h>
#include <sched.h>

#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"
#include "preload/process/scan.h"
#include "preload/process/told_sets.h"
#include "readiness.h"

/* A number without a note is a connection's by now, or a retired listener's. */
static void remember(int set, int fd, const struct epoll_event *event)
{
    ino_t inode = socket_inode(fd);

    if (find_note(inode)) {
        remember_told(set, fd, inode, event);
    } else {
        forget_told(fd);
        unmark_number(fd);
    }
}

int change_registration(int set, int operation, int fd, struct epoll_event *event)
{
    int saved = errno;
    struct scan *scan = NULL;
    bool tells;
    int result;

    if (operation == EPOLL_CTL_ADD && attends(ATTENTION_ADOPTED))
        look_before_registration(fd);
    while (attends(ATTENTION_UPGRADE) && own_state() && !(scan = lock_scan()))
        sched_yield();
    tells = is_marked(fd) && begin_telling(set, operation, fd);
    errno = saved;
    result = real()->epoll_ctl(set, operation, fd, event);
    saved = errno;
    if (tells && result == 0 && operation != EPOLL_CTL_DEL)
        remember(set, fd, event);
    if (tells)
        end_telling();
    if (scan)
        unlock_scan(scan);
    errno = saved;
    return result;
}

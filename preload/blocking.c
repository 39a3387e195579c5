/*
 * Two generations share one socket, and O_NONBLOCK is the socket's. While both
 * accept, whichever wanted it otherwise must notice nothing:
 *
 * - A listener is never made blocking before a program is seen to wait in
 *   accept(): the old generation's event loop would hang in its next accept().
 *   (Then it hangs for the moment until it is retired.)
 * - A program that polls a blocking listener would hang when the other
 *   generation takes the client between poll() and accept(). So an adopted
 *   listener that is polled does not block, and who calls accept() without
 *   having been told of a client is made to wait: see accept_shared(). (A
 *   datagram socket blocks: the new generation waits for a moment, see
 *   predecessor.c.)
 * - The old generation, once its listeners are collected, accepts as its own
 *   flags demand: see accept_shared().
 */
#include "blocking.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "clock.h"
#include "descriptors.h"
#include "kernel.h"
#include "notes.h"
#include "process.h"
#include "real.h"

bool hand_over_status_flags(int flags, int inherited)
{
    int present = kernel_fcntl(inherited, F_GETFL, 0);

    kernel_fcntl(inherited, F_SETFL, (flags & (O_NONBLOCK | O_ASYNC)) | (present & O_NONBLOCK));
    return !(flags & O_NONBLOCK);
}

struct open_questions {
    bool undecided;
    bool wants_blocking;
};

static void find_open_questions(struct note *note, void *argument)
{
    struct open_questions *open = argument;

    open->undecided |= note->undecided;
    open->wants_blocking |= note->wants_blocking;
}

static void decided(struct note *note)
{
    struct open_questions open = {false, false};

    note->undecided = false;
    for_each_note(find_open_questions, &open);
    if (!open.undecided)
        atomic_fetch_and(&attention, ~(unsigned)ATTENTION_ADOPTED);
    if (!open.wants_blocking)
        atomic_fetch_and(&attention, ~(unsigned)ATTENTION_FLAGS);
}

static void set_nonblocking(int fd, bool nonblocking)
{
    int flags = kernel_fcntl(fd, F_GETFL, 0);

    if (flags != -1 && !!(flags & O_NONBLOCK) != nonblocking)
        kernel_fcntl(fd, F_SETFL, flags ^ O_NONBLOCK);
}

void decide_blocking(struct note *note, int fd)
{
    if (!note->undecided)
        return;
    set_nonblocking(fd, false);
    note->wants_blocking = false; /* it has what it wants */
    decided(note);
}

void decide_not_blocking(struct note *note, int fd)
{
    if (!note->undecided)
        return;
    set_nonblocking(fd, true);
    decided(note);
}

/* The one that replaces retired listeners which are polled and believed to block; 0: none. */
static _Atomic(ino_t) polled_replacement;

void expect_blocking(int replacement)
{
    polled_replacement = socket_inode(replacement);
    atomic_fetch_or(&attention, ATTENTION_FLAGS);
}

static bool is_polled_replacement(int fd)
{
    return polled_replacement != 0 && socket_inode(fd) == polled_replacement;
}

static struct note *note_that_wants_blocking(int fd)
{
    int saved = errno;
    struct note *note = find_note(socket_inode(fd));

    errno = saved;
    return note && note->wants_blocking ? note : NULL;
}

bool program_sets_nonblocking(int fd, bool nonblocking)
{
    struct note *note = note_that_wants_blocking(fd);

    if (!note && nonblocking && is_polled_replacement(fd))
        polled_replacement = 0;
    if (!note)
        return nonblocking || !is_polled_replacement(fd);
    if (nonblocking) {
        note->wants_blocking = false;
        decided(note);
    }
    return nonblocking;
}

bool program_believes_blocking(int fd)
{
    int saved = errno;
    bool believes = note_that_wants_blocking(fd) || is_polled_replacement(fd);

    errno = saved;
    return believes;
}

/* SO_RCVTIMEO in nanoseconds, 0 for none: how long accept() waits, and then says EAGAIN. */
static int64_t accept_timeout(int fd)
{
    struct timeval limit = {0, 0};
    socklen_t length = sizeof limit;

    kernel_getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &length);
    return (int64_t)limit.tv_sec * 1000000000 + (int64_t)limit.tv_usec * 1000;
}

/* Nobody wakes a wait for a client when retiring replaces the listener: it looks again so often. */
enum { LOOK_AGAIN_MS = 100 };

/* Which handler has run nobody can tell, so one without SA_RESTART is enough. */
static bool program_wants_eintr(void)
{
    struct sigaction action;

    for (int number = 1; number < NSIG; number++)
        if (real()->sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
            action.sa_handler != SIG_IGN && !(action.sa_flags & SA_RESTART))
            return true;
    return false;
}

/*
 * Wait for a client in place of accept(). Returns false with errno set when
 * accept() would return: with a timeout after any handler, else after one without
 * SA_RESTART (signal(7)).
 */
static bool wait_for_client(int fd, int64_t timeout, int64_t deadline)
{
    struct pollfd client = {.fd = fd, .events = POLLIN};
    int64_t left = timeout ? (deadline - nanoseconds_now() + 999999) / 1000000 : LOOK_AGAIN_MS;

    if (left <= 0) {
        errno = EAGAIN;
        return false;
    }
    if (kernel_poll(&client, 1, left < LOOK_AGAIN_MS ? (int)left : LOOK_AGAIN_MS) != -1)
        return true;
    if (timeout == 0 && !program_wants_eintr())
        return true;
    errno = EINTR;
    return false;
}

static int accept_now(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    /* accept() and accept4() without flags are the same system call but for the name */
    return flags ? real()->accept4(fd, address, length, flags)
                 : real()->accept(fd, address, length);
}

/* accept4() that returns at once where the program has seen to that, whatever a successor wants. */
static int try_accept(int fd, struct sockaddr *address, socklen_t *length, int flags,
                      const struct note *note)
{
    struct pollfd client = {.fd = fd, .events = POLLIN};

    if (note && note->collected && note->status_flags & O_NONBLOCK &&
        kernel_poll(&client, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return accept_now(fd, address, length, flags);
}

_Thread_local unsigned announcements;

/*
 * Has a poll() said to this thread that there is a client, and it has not been
 * told yet that this one has gone? (Several listeners may be ready at once.)
 * Another thread, or the process that it was forked from, may have polled alone.
 */
static bool expects_client(int fd)
{
    static _Thread_local unsigned answered;
    static _Thread_local int answered_fd = -1;
    bool expects = announcements != answered || (announcements != 0 && fd != answered_fd);

    answered = announcements;
    answered_fd = fd;
    return expects;
}

/*
 * A program whose listener blocks is not prepared for EAGAIN when poll() has
 * said that there is a client, but for one that has gone meanwhile: accept(2)
 * says ECONNABORTED. With SO_RCVTIMEO, EAGAIN is what it expects: socket(7).
 * Who has not been told of a client waits for one.
 */
int accept_shared(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    int saved = errno;
    int64_t timeout = accept_timeout(fd);
    int64_t deadline = nanoseconds_now() + timeout;

    for (;;) {
        const struct note *note = find_note(socket_inode(fd));
        bool blocks = program_believes_blocking(fd) ||
                      (note && note->collected && !(note->status_flags & O_NONBLOCK));
        int result;

        errno = saved;
        result = try_accept(fd, address, length, flags, note);
        if (result != -1 || errno != EAGAIN || !blocks)
            return result;
        if (expects_client(fd)) {
            errno = timeout ? EAGAIN : ECONNABORTED;
            return -1;
        }
        if (!wait_for_client(fd, timeout, deadline))
            return -1;
    }
}

/*
 * accept() while O_NONBLOCK of the listener is not what the program believes
 * (blocking.c), or while another generation may take the client that poll() has
 * told the program of.
 */
#include "accept.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "blocking.h"
#include "departed.h"
#include "generations.h"
#include "preload/kernel/clock.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"
#include "preload/signals/interruption.h"

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

/*
 * The mask for a poll() in place of a call that SA_RESTART makes again: handlers
 * with it run when that poll() has ended.
 */
static void block_restarting(uint64_t *mask)
{
    struct sigaction action;

    kernel_sigmask(SIG_BLOCK, NULL, mask);
    for (int number = 1; number <= 64; number++)
        if (number != ORDER_SIGNAL && real()->sigaction(number, NULL, &action) == 0 &&
            action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN &&
            action.sa_flags & SA_RESTART)
            *mask |= 1ULL << (number - 1);
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
    uint64_t mask;
    int result;

    if (left <= 0) {
        errno = EAGAIN;
        return false;
    }
    if (timeout)
        kernel_sigmask(SIG_BLOCK, NULL, &mask);
    else
        block_restarting(&mask);
    stands_for_accept = !timeout;
    result = kernel_ppoll(&client, 1, left < LOOK_AGAIN_MS ? (int)left : LOOK_AGAIN_MS, &mask);
    stands_for_accept = false;
    return result != -1;
}

static int accept_now(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    /* accept() and accept4() without flags are the same system call but for the name */
    return flags ? real()->accept4(fd, address, length, flags)
                 : real()->accept(fd, address, length);
}

/* It must not wait, and yet the listener may block. */
static bool may_find_none(const struct note *note)
{
    return (note->collected && note->status_flags & O_NONBLOCK) ||
           (note->undecided && note->polled);
}

/* accept4() that returns at once where the program has seen to that, whatever a successor wants. */
static int try_accept(int fd, struct sockaddr *address, socklen_t *length, int flags,
                      const struct note *note)
{
    struct pollfd client = {.fd = fd, .events = POLLIN};

    if (note && may_find_none(note) && kernel_poll(&client, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return accept_now(fd, address, length, flags);
}

_Thread_local unsigned announcements;

/* Some thread of this process was told, and none has found its client gone since. */
static atomic_uint announced; /* a whole word: RISC-V has no exchange of a byte */

void note_announcement(void)
{
    if (!atomic_load_explicit(&announced, memory_order_relaxed))
        announced = true;
}

/*
 * Has a poll() said to this thread that there is a client, and it has not been
 * told yet that this one has gone? (Several listeners may be ready at once.) One
 * that never polls may have been sent here by a thread that does.
 */
static bool expects_client(int fd)
{
    static _Thread_local unsigned answered;
    static _Thread_local int answered_fd = -1;
    bool expects = announcements != answered || (announcements != 0 && fd != answered_fd);

    answered = announcements;
    answered_fd = fd;
    return atomic_exchange(&announced, false) || expects;
}

/* Counts the upgrades: each ends what was known of being alone. */
static atomic_uint sharings;
static atomic_uint alone_in = UINT_MAX;

void begin_sharing(void)
{
    sharings++;
    atomic_fetch_or(&attention, ATTENTION_UPGRADE);
}

/*
 * Was it a process of this generation that took the announced client? Then there
 * is a wait for another one, which preforked servers know. The last announcement
 * of a thread may be older than what the helper says of now.
 */
static bool was_taken_by_own(const struct note *note)
{
    static _Thread_local unsigned known_alone_in = UINT_MAX;
    unsigned sharing = sharings;
    bool knew = known_alone_in == sharing;

    if (!note || note->collected)
        return false;
    if (alone_in != sharing && serves_alone())
        alone_in = sharing;
    if (alone_in == sharing)
        known_alone_in = sharing;
    return knew;
}

/* What accept() itself may say on Linux of a machine that has no room for a client. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/*
 * A program whose listener blocks is not prepared for EAGAIN when poll() has said
 * that there is a client, but for one that has hung up meanwhile. Who has not
 * been told of a client waits for one.
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
        if (expects_client(fd) && !was_taken_by_own(note)) {
            errno = saved;
            result = accept_departed(fd, address, length, flags);
            if (result != -1 || errno == EFAULT || errno == EINVAL || is_shortage(errno))
                return result;
        }
        if (!wait_for_client(fd, timeout, deadline))
            return -1;
    }
}

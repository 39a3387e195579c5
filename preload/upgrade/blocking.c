/*
 * Two generations share one socket, and O_NONBLOCK is the socket's. While both
 * accept, whichever wanted it otherwise must notice nothing:
 *
 * - A listener is never made blocking before a program is seen to wait in
 *   accept(): the old generation's event loop would hang in its next accept().
 *   (Then it hangs for the moment until it is retired.)
 * - A program that polls a blocking listener would hang when the other
 *   generation takes the client between poll() and accept(). So an adopted
 *   listener that is polled does not block, and stays so. Who has been told of a
 *   client that another generation has taken gets one that has hung up, and
 *   whoever else calls accept() is made to wait: see accept_shared(). (A datagram
 *   socket blocks: the new generation waits for a moment, see
 *   outlast_predecessor().)
 * - Beside an old generation without the library, which would see EAGAIN, a polled
 *   listener goes on blocking until that one has retired; until then, accept() looks
 *   first.
 * - The old generation, once its listeners are collected, accepts as its own
 *   flags demand: see accept_shared(). If the upgrade fails, what it polls is
 *   to it as if it had been adopted: a client may have been taken since poll().
 */
#include "blocking.h"

#include <errno.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"

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

void go_on_polling(struct note *note, int fd)
{
    if (!note->polled || note->datagram || note->status_flags & O_NONBLOCK)
        return;
    note->wants_blocking = true;
    atomic_fetch_or(&attention, ATTENTION_FLAGS);
    set_nonblocking(fd, true);
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

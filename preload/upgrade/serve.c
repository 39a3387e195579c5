/*
 * A stream socket serves from listen() on, a datagram socket from bind() on. From
 * then on this process is one that upgrades concern: its listener is noted, the
 * handlers are installed, and its waits are looked at (readiness.c).
 */
#include "serve.h"

#include <errno.h>

#include "generations.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "preload/process/addresses.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/peers.h"
#include "preload/process/process.h"
#include "preload/process/replace.h"
#include "preload/signals/actions.h"
#include "preload/wire/keys.h"
#include "readiness.h"

void tell_of_socket(enum message_kind kind, ino_t inode)
{
    struct message message = new_message(kind);

    message.inode = inode;
    tell_helper(&message);
}

/* A datagram socket serves from bind() on; nobody calls listen(). */
void serve_datagrams(int fd, bool adopted)
{
    int type = 0;
    socklen_t length = sizeof type;
    struct note *note;

    if (has_been_ready() || !own_state() ||
        kernel_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == -1 || type != SOCK_DGRAM)
        return;
    note = note_socket(fd);
    if (!note)
        return;
    note_datagrams(note);
    begin_keeping_peers();
    keep_peers_of(fd, note->inode);
    protect_signals();
    expect_readiness();
    if (adopted)
        tell_of_socket(MESSAGE_LISTENING, note->inode);
    tell_of_socket(MESSAGE_BOUND, note->inode);
}

static void find_unlistened(struct note *note, void *found)
{
    if (note->unlistened)
        *(bool *)found = true;
}

void no_longer_unlistened(struct note *note)
{
    bool more = false;

    note->unlistened = false;
    for_each_note(find_unlistened, &more);
    if (!more)
        atomic_fetch_and(&attention, ~(unsigned)ATTENTION_UNLISTENED);
}

/* A worker that the master of an old generation starts anew must not take its successor's clients.
 */
static void stay_retired(int fd)
{
    int saved = errno;
    const struct note *note = find_note(socket_inode(fd));
    int deaf = -1;

    if (own_state() && !is_listener(fd) &&
        !(note && (note->adopted || asks_for_any_port(&note->key))))
        deaf = ask_for_deaf_socket(fd);
    if (deaf != -1) {
        keep_address(fd, deaf);
        put_in_place(fd, deaf);
        kernel_close(deaf);
    }
    errno = saved;
}

int listen_and_tell(int fd, int backlog)
{
    int result;
    int saved;
    struct note *note;

    stay_retired(fd);
    result = real()->listen(fd, backlog);
    saved = errno;
    if (result == -1 || !own_state())
        return result;
    protect_signals();
    expect_readiness();
    note = note_socket(fd);
    if (note)
        note->backlog = backlog;
    /* any port, while clients are served: for one of them, as FTP does for its data */
    if (note && !note->adopted && has_been_ready() && asks_for_any_port(&note->key))
        note->private = true;
    if (note && note->adopted) {
        no_longer_unlistened(note);
        tell_of_socket(MESSAGE_LISTENING, note->inode);
    } else if (note && !note->private && asks_for_any_port(&note->key)) {
        tell_of_socket(MESSAGE_BOUND, note->inode); /* the helper was not asked about it */
    }
    errno = saved;
    return result;
}

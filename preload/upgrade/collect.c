/* The helper gets a copy of each listener: an accept queue lives as long as one copy does. */
#include "collect.h"

#include <errno.h>

#include "accept.h"
#include "blocking.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"
#include "preload/process/scan.h"
#include "preload/wire/keys.h"

static int send_listener(int control, const struct found_socket *listener, bool share)
{
    struct message message = new_message(MESSAGE_LISTENER);
    struct note *note = find_note(listener->inode);

    message.inode = listener->inode;
    message.status_flags = kernel_fcntl(listener->fd, F_GETFL, 0);
    if (!note) {
        if (listener_key_of(listener->fd, NULL, 0, &message.key) == -1)
            return -1;
    } else {
        message.key = note->key;
        message.position = note->position;
    }
    if (note && share) {
        note->status_flags = message.status_flags;
        note->collected = true;
    }
    return send_message(control, &message, listener->fd);
}

/*
 * What retiring has open at once beside the control socket: the replacements,
 * /proc/self, a directory of it and a file, or what is replaced. A program that has used up its
 * descriptors would accept for good beside its successor.
 */
enum { RETIRING_DESCRIPTORS = REPLACEMENTS + 3 };

/* Returns 0, or the errno for which retiring would fail. */
static int try_descriptors(int control)
{
    int spare[RETIRING_DESCRIPTORS];
    int count = 0;
    int error = 0;

    while (error == 0 && count < RETIRING_DESCRIPTORS) {
        spare[count] = kernel_fcntl(control, F_DUPFD_CLOEXEC, 0);
        if (spare[count] == -1)
            error = errno;
        else
            count++;
    }
    while (count > 0)
        kernel_close(spare[--count]);
    return error;
}

/* Attention first: from the moment that the helper has a listener, a successor may change its
 * flags. */
static void send_found(const struct scan *scan, int control, bool share)
{
    struct message end = new_message(share ? MESSAGE_COLLECTED : MESSAGE_COPIED);
    int result = 0;

    end.error = scan->error;
    if (share && end.error == 0 && scan->sockets > 0)
        end.error = try_descriptors(control);
    if (share && scan->sockets > 0)
        begin_sharing();
    for (unsigned i = 0; i < scan->sockets && result == 0; i++)
        result = send_listener(control, &scan->socket[i], share);
    if (result == 0)
        send_message(control, &end, -1);
}

/*
 * The helper is called first: it sees that an answer is on its way. Any failure ends the
 * exchange without its last message, and it asks again.
 */
void send_listeners(bool share)
{
    struct scan *scan = lock_scan();
    int control;

    if (!scan)
        return;
    control = open_control();
    if (control != -1) {
        scan->wanted = want_service_sockets;
        scan->notes_connections = share;
        scan_sockets(scan);
        send_found(scan, control, share);
        kernel_close(control);
    }
    unlock_scan(scan);
}

static void no_longer_collected(struct note *note, void *argument)
{
    (void)argument;
    note->collected = false;
}

void forget_collecting(void)
{
    atomic_fetch_and(&attention, ~(unsigned)ATTENTION_UPGRADE);
    for_each_note(no_longer_collected, NULL);
}

static void serve_on(struct note *note, void *argument)
{
    (void)argument;
    if (note->collected && socket_inode(note->fd) == note->inode)
        go_on_polling(note, note->fd);
}

void resume_listeners(void)
{
    for_each_note(serve_on, NULL);
    forget_collecting();
}

/*
 * Retiring the other way round: the helper has kept a copy of each listener, and which one stood
 * behind a number is kept with its address. A listener that the helper has not got any more (the
 * failed generation did not listen there) stays deaf.
 */
#include "take_back.h"

#include <errno.h>

#include "blocking.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/addresses.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/proc_self.h"
#include "preload/process/process.h"
#include "preload/process/replace.h"
#include "preload/process/scan.h"
#include "wake.h"

static enum want want_replaced(int fd, bool listens, void *argument)
{
    (void)listens;
    (void)argument;
    return replaced_socket(fd) != 0 ? WANTED : NOT_WANTED;
}

/* What is left of the failed generation may still take the client that poll() tells of. */
static void poll_again(int fd)
{
    struct note *note = find_note(socket_inode(fd));

    if (note)
        go_on_polling(note, fd);
}

/* Returns 0, or the errno of what failed. */
static int take_back(const struct scan *scan, int control, int fd)
{
    struct message message = new_message(MESSAGE_TAKE_BACK);
    int listener = -1;
    int error = 0;
    int count;

    message.inode = replaced_socket(fd);
    if (send_message(control, &message, -1) == -1)
        return errno;
    count = receive_answer(control, &message, &listener, 1);
    if (count == -1)
        return errno;
    if (count == 0)
        return 0;
    if (replace_descriptor(scan, fd, listener) == -1)
        error = errno;
    else
        poll_again(fd);
    kernel_close(listener);
    return error;
}

/* As with replace_listeners(): nothing is put back before the threads can be found. */
static int take_back_all(const struct scan *scan, int control)
{
    int error = scan->error;
    int proc = open_proc_self();

    if (proc == -1)
        return errno;
    for (unsigned i = 0; i < scan->sockets && error == 0; i++)
        error = take_back(scan, control, scan->socket[i].fd);
    if (wake_waiting_threads(scan, proc) == -1)
        error = errno;
    kernel_close(proc);
    return error;
}

void take_back_listeners(void)
{
    struct scan *scan = lock_scan();
    struct message message = new_message(MESSAGE_TAKEN_BACK);
    int control;

    if (!scan)
        return;
    control = open_control();
    if (control != -1) {
        atomic_fetch_and(&attention, ~(unsigned)(ATTENTION_RETIRED | ATTENTION_POSTPONED));
        scan->wanted = want_replaced;
        scan_descriptors(scan);
        message.error = take_back_all(scan, control);
        send_message(control, &message, -1);
        kernel_close(control);
    }
    unlock_scan(scan);
}

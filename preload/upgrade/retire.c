/*
 * The program keeps its descriptor numbers, its epoll registrations and its
 * blocked threads; only the socket behind the number changes. The one that
 * comes in its place is made by the helper: it listens, and nobody can reach it.
 */
#include "retire.h"

#include <errno.h>

#include "blocking.h"
#include "collect.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/addresses.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/proc_self.h"
#include "preload/process/process.h"
#include "preload/process/replace.h"
#include "preload/process/scan.h"
#include "report.h"
#include "retire_datagrams.h"
#include "wake.h"

/*
 * The helper's replacements, which the caller owns. `ask_queues`: may there be
 * listeners to keep? Returns 0, or the errno of what failed.
 */
static int ask_for_replacements(int control, int replacements[REPLACEMENTS], bool *ask_queues)
{
    struct message message = new_message(MESSAGE_RETIRE);
    int count;

    if (send_message(control, &message, -1) == -1)
        return errno;
    count = receive_answer(control, &message, replacements, REPLACEMENTS);
    *ask_queues = message.kind == ANSWER_REPLACEMENTS_BUT_ASK;
    if (count == REPLACEMENTS)
        return 0;
    for (int i = 0; i < count; i++)
        kernel_close(replacements[i]);
    return count == -1 ? errno : EPROTO;
}

/*
 * Between poll() saying "a client" and a blocking accept(), the listener may
 * have been replaced. The loop must not hang there, so what is polled gets a
 * replacement that does not block; a thread that just waits in accept() must.
 */
static enum replacement pick_replacement(const struct found_socket *listener)
{
    const struct note *note = find_note(listener->inode);
    int flags =
        note && note->collected ? note->status_flags : kernel_fcntl(listener->fd, F_GETFL, 0);

    if (flags & O_NONBLOCK && !(note && note->wants_blocking))
        return NON_BLOCKING;
    if ((note && note->polled) || listener->registered)
        return POLLED;
    return BLOCKING;
}

static int retire_socket(const struct scan *scan, const struct found_socket *socket,
                         const int replacements[REPLACEMENTS], bool waits)
{
    enum replacement pick = pick_replacement(socket);

    if (!socket->listens) {
        if (pick == POLLED && !waits && has_promised_datagram(socket->fd)) {
            errno = EBUSY;
            return -1;
        }
        return retire_datagram_socket(scan, socket, pick == NON_BLOCKING);
    }
    if (pick == POLLED)
        expect_blocking(replacements[pick]);
    keep_address(socket->fd, replacements[pick]);
    return replace_descriptor(scan, socket->fd, replacements[pick]);
}

/* Nobody else will serve who waits there: it is kept until they are served, and retired then. */
static bool is_kept(int control, const struct found_socket *listener)
{
    struct message message = new_message(MESSAGE_QUEUE);

    message.inode = listener->inode;
    return send_message(control, &message, -1) == 0 &&
           receive_answer(control, &message, NULL, 0) == 0 && message.kind == ANSWER_KEEP_LISTENER;
}

/*
 * `control`: to ask about each listener, or -1. Returns 0, or the errno of what
 * failed last; who could not be woken afterwards would not be found again, so
 * nothing is replaced before /proc is open.
 */
static int replace_listeners(const struct scan *scan, const int replacements[REPLACEMENTS],
                             int control, bool waits)
{
    int error = scan->error;
    int proc = open_proc_self();

    if (proc == -1)
        return errno;
    for (unsigned i = 0; i < scan->sockets; i++) {
        const struct found_socket *listener = &scan->socket[i];

        if (control != -1 && is_kept(control, listener))
            continue;
        if (retire_socket(scan, listener, replacements, waits) == -1)
            error = errno;
    }
    if (wake_accepting_threads(scan, proc) == -1)
        error = errno;
    kernel_close(proc);
    return error;
}

/*
 * All of them have been replaced, or the helper tells us once more to do it: until then we share
 * them. It learns now which connections are left here; if that fails, or if they are many, it
 * asks again.
 */
static void finish_retiring(int control)
{
    forget_collecting();
    atomic_fetch_and(&attention, ~(unsigned)ATTENTION_POSTPONED);
    atomic_fetch_or(&attention, ATTENTION_RETIRED);
    report_first_sockets(control);
}

void retire_listeners(bool waits)
{
    struct scan *scan = lock_scan();
    struct message message = new_message(MESSAGE_RETIRED);
    int replacements[REPLACEMENTS] = {-1, -1, -1};
    bool ask_queues = false;
    int control;

    if (!scan)
        return;
    control = open_control();
    if (control != -1) {
        scan->wanted = want_service_sockets;
        scan->skips_connections = !serves_datagrams();
        scan_descriptors(scan);
        message.error = ask_for_replacements(control, replacements, &ask_queues);
        if (message.error == 0) {
            message.error = replace_listeners(scan, replacements, ask_queues ? control : -1, waits);
            for (int i = 0; i < REPLACEMENTS; i++)
                kernel_close(replacements[i]);
            if (message.error == EBUSY)
                atomic_fetch_or(&attention, ATTENTION_POSTPONED);
            else if (message.error == 0)
                finish_retiring(control);
        }
        send_message(control, &message, -1);
        kernel_close(control);
    }
    unlock_scan(scan);
}

/*
 * With EPOLLEXCLUSIVE one connection wakes one set. If that was the old
 * generation's, and it retired before it came to accept, nobody else has been
 * told. A wait in accept() or poll() looks again by itself once interrupted.
 */
void rearm_listeners(void)
{
    struct scan *scan = lock_scan();

    if (!scan)
        return;
    scan->wanted = want_service_sockets;
    scan_descriptors(scan);
    renew_registrations(scan);
    unlock_scan(scan);
}

/*
 * The program keeps its descriptor numbers, its epoll registrations and its
 * blocked threads; only the socket behind the number changes. The one that
 * comes in its place is made by the helper: it listens, and nobody can reach it.
 */
#include "retire.h"

#include <errno.h>

#include "blocking.h"
#include "clock.h"
#include "collect.h"
#include "connections.h"
#include "control.h"
#include "datagrams.h"
#include "descriptors.h"
#include "kernel.h"
#include "names.h"
#include "notes.h"
#include "process.h"
#include "procfs.h"
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
    count = receive_message(control, &message, replacements, REPLACEMENTS);
    *ask_queues = message.kind == MESSAGE_REPLACEMENT_ASK;
    if (count == REPLACEMENTS)
        return 0;
    for (int i = 0; i < count; i++)
        kernel_close(replacements[i]);
    return count == -1 ? errno : EPROTO;
}

static bool is_registered(const struct survey *survey, int fd)
{
    for (unsigned i = 0; i < survey->registrations; i++)
        if (survey->registration[i].fd == fd)
            return true;
    return false;
}

/*
 * Between poll() saying "a client" and a blocking accept(), the listener may
 * have been replaced. The loop must not hang there, so what is polled gets a
 * replacement that does not block; a thread that just waits in accept() must.
 */
static enum replacement pick_replacement(const struct survey *survey,
                                         const struct surveyed_socket *listener)
{
    const struct note *note = find_note(listener->inode);
    int flags =
        note && note->collected ? note->status_flags : kernel_fcntl(listener->fd, F_GETFL, 0);

    if (flags & O_NONBLOCK && !(note && note->wants_blocking))
        return NON_BLOCKING;
    if ((note && note->polled) || is_registered(survey, listener->fd))
        return POLLED;
    return BLOCKING;
}

/* A thread that has not come back to poll() by then is busy with something else. */
static const int64_t longest_promise = 500000000;
static _Atomic(int64_t) promised_since;

/*
 * poll() may have told a thread of the datagram that is queued, and a receive on
 * a replacement that blocks would hang. So it is received first, and the socket
 * retires when the thread waits again, or when we are told again and nothing is queued.
 */
static bool is_promised(int fd)
{
    struct pollfd queue = {.fd = fd, .events = POLLIN};

    if (kernel_poll(&queue, 1, 0) != 1)
        return false;
    if (promised_since == 0)
        promised_since = nanoseconds_now();
    return nanoseconds_now() - promised_since < longest_promise;
}

static int retire_datagram_socket(const struct survey *survey, const struct surveyed_socket *socket,
                                  bool nonblocking)
{
    int deaf = open_deaf_sender(socket->fd);
    int result;

    if (deaf == -1)
        return -1;
    kernel_fcntl(deaf, F_SETFL, nonblocking ? O_NONBLOCK : 0);
    keep_name(socket->fd, deaf);
    result = replace_descriptor(survey, socket->fd, deaf);
    kernel_close(deaf);
    return result;
}

static int retire_socket(const struct survey *survey, const struct surveyed_socket *socket,
                         const int replacements[REPLACEMENTS], bool waits)
{
    enum replacement pick = pick_replacement(survey, socket);

    if (!is_listener(socket->fd)) {
        if (pick == POLLED && !waits && is_promised(socket->fd)) {
            errno = EBUSY;
            return -1;
        }
        return retire_datagram_socket(survey, socket, pick == NON_BLOCKING);
    }
    if (pick == POLLED)
        expect_blocking(replacements[pick]);
    keep_name(socket->fd, replacements[pick]);
    return replace_descriptor(survey, socket->fd, replacements[pick]);
}

/* Nobody else will serve who waits there: it is kept until they are served, and retired then. */
static bool is_kept(int control, const struct surveyed_socket *listener)
{
    struct message message = new_message(MESSAGE_QUEUE);

    message.inode = listener->inode;
    return send_message(control, &message, -1) == 0 &&
           receive_message(control, &message, NULL, 0) == 0 && message.kind == MESSAGE_KEEP;
}

/*
 * `control`: to ask about each listener, or -1. Returns 0, or the errno of what
 * failed last; who could not be woken afterwards would not be found again, so
 * nothing is replaced before /proc is open.
 */
static int replace_listeners(const struct survey *survey, const int replacements[REPLACEMENTS],
                             int control, bool waits)
{
    int error = survey->error;
    int proc = open_proc_self();

    if (proc == -1)
        return errno;
    for (unsigned i = 0; i < survey->sockets; i++) {
        const struct surveyed_socket *listener = &survey->socket[i];

        if (control != -1 && is_kept(control, listener))
            continue;
        if (retire_socket(survey, listener, replacements, waits) == -1)
            error = errno;
    }
    if (wake_accepting_threads(survey, proc) == -1)
        error = errno;
    kernel_close(proc);
    return error;
}

/* All of them have been replaced. What is left to finish; if that fails, we are asked for it again.
 */
static void finish_retiring(int control)
{
    resume_listeners();
    atomic_fetch_and(&attention, ~(unsigned)ATTENTION_POSTPONED);
    atomic_fetch_or(&attention, ATTENTION_RETIRED);
    report_sockets(control);
}

void retire_listeners(bool waits)
{
    struct survey *survey = lock_survey();
    struct message message = new_message(MESSAGE_RETIRED);
    int replacements[REPLACEMENTS] = {-1, -1, -1};
    bool ask_queues = false;
    int control;

    if (!survey)
        return;
    control = open_control();
    if (control != -1) {
        survey->wanted = want_service_sockets;
        survey_descriptors(survey);
        message.error = ask_for_replacements(control, replacements, &ask_queues);
        if (message.error == 0) {
            message.error =
                replace_listeners(survey, replacements, ask_queues ? control : -1, waits);
            for (int i = 0; i < REPLACEMENTS; i++)
                kernel_close(replacements[i]);
            if (message.error == EBUSY)
                atomic_fetch_or(&attention, ATTENTION_POSTPONED);
            else
                finish_retiring(control);
        }
        send_message(control, &message, -1);
        kernel_close(control);
    }
    unlock_survey(survey);
}

/*
 * With EPOLLEXCLUSIVE one connection wakes one set. If that was the old
 * generation's, and it retired before it came to accept, nobody else has been
 * told. A wait in accept() or poll() looks again by itself once interrupted.
 */
void rearm_listeners(void)
{
    struct survey *survey = lock_survey();

    if (!survey)
        return;
    survey->wanted = want_service_sockets;
    survey_descriptors(survey);
    for (unsigned i = 0; i < survey->registrations; i++) {
        const struct registration *registration = &survey->registration[i];
        struct epoll_event event = {.events = registration->events, .data.u64 = registration->data};

        kernel_epoll_ctl(registration->set, EPOLL_CTL_DEL, registration->fd, NULL);
        kernel_epoll_ctl(registration->set, EPOLL_CTL_ADD, registration->fd, &event);
    }
    unlock_survey(survey);
}

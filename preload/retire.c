/*
 * The program keeps its descriptor numbers, its epoll registrations and its
 * blocked threads; only the socket behind the number changes. The one that
 * comes in its place is made by the helper: it listens, and nobody can reach it.
 */
#include "retire.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "blocking.h"
#include "collect.h"
#include "connections.h"
#include "control.h"
#include "datagrams.h"
#include "descriptors.h"
#include "kernel.h"
#include "notes.h"
#include "process.h"
#include "procfs.h"

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

struct waker {
    const struct survey *survey;
    int proc;
    int self;
};

static bool first_line(const char *line, void *copy)
{
    strncpy(copy, line, 63);
    return false;
}

/* The system calls in which a thread may wait on what has been replaced. */
static bool takes_clients(long number)
{
    static const uint16_t calls[] = {
#ifdef SYS_accept
        SYS_accept,
#endif
        SYS_accept4, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_read, SYS_readv,
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == number)
            return true;
    return false;
}

/*
 * Does this thread wait in accept() or a receive on what is retired? proc(5) syscall says
 * number and arguments, or "running": that may be a thread on its way into
 * accept() with the old socket in hand. Where we may not look (a process that
 * has changed its uid), every thread is taken for one.
 */
static bool may_be_accepting(const struct waker *waker, int thread)
{
    char path[64];
    char line[64] = "";
    const char *at = line;
    unsigned long long number;
    unsigned long long fd;

    if (for_each_line(waker->proc, proc_path(path, "task/", thread, "/syscall"), first_line,
                      line) == -1 ||
        strncmp(line, "running", 7) == 0)
        return true;
    number = parse_number(&at, 10);
    if (!takes_clients((long)number))
        return false;
    at += strspn(at, " 0");
    at += *at == 'x';
    fd = parse_number(&at, 16);
    for (unsigned i = 0; i < waker->survey->sockets; i++)
        if ((unsigned long long)waker->survey->socket[i].fd == fd)
            return true;
    return false;
}

/* SA_RESTART makes the interrupted accept() look its descriptor number up again: signal(7). */
static bool wake_if_accepting(int thread, void *argument)
{
    const struct waker *waker = argument;
    siginfo_t info;

    if (thread == waker->self || !may_be_accepting(waker, thread))
        return true;
    memset(&info, 0, sizeof info);
    info.si_signo = ORDER_SIGNAL;
    info.si_code = SI_QUEUE;
    info.si_pid = kernel_getpid();
    info.si_value.sival_int = (int)order_value(ORDER_WAKE, session.generation);
    syscall(SYS_rt_tgsigqueueinfo, kernel_getpid(), thread, ORDER_SIGNAL, &info);
    return true;
}

static int retire_datagram_socket(const struct survey *survey, const struct surveyed_socket *socket,
                                  bool nonblocking)
{
    int deaf = open_deaf_sender(socket->fd);
    int result;

    if (deaf == -1)
        return -1;
    kernel_fcntl(deaf, F_SETFL, nonblocking ? O_NONBLOCK : 0);
    result = replace_descriptor(survey, socket->fd, deaf);
    kernel_close(deaf);
    return result;
}

static int retire_socket(const struct survey *survey, const struct surveyed_socket *socket,
                         const int replacements[REPLACEMENTS])
{
    enum replacement pick = pick_replacement(survey, socket);

    if (!is_listener(socket->fd))
        return retire_datagram_socket(survey, socket, pick != BLOCKING);
    if (pick == POLLED)
        expect_blocking(replacements[pick]);
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
                             int control)
{
    struct waker waker = {survey, open_proc_self(), kernel_gettid()};
    int error = survey->error;

    if (waker.proc == -1)
        return errno;
    for (unsigned i = 0; i < survey->sockets; i++) {
        const struct surveyed_socket *listener = &survey->socket[i];

        if (control != -1 && is_kept(control, listener))
            continue;
        if (retire_socket(survey, listener, replacements) == -1)
            error = errno;
    }
    if (for_each_number(waker.proc, "task", wake_if_accepting, &waker) == -1)
        error = errno;
    kernel_close(waker.proc);
    return error;
}

void retire_listeners(void)
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
            message.error = replace_listeners(survey, replacements, ask_queues ? control : -1);
            for (int i = 0; i < REPLACEMENTS; i++)
                kernel_close(replacements[i]);
            resume_listeners();
            atomic_fetch_or(&attention, ATTENTION_RETIRED);
            /* what is left to finish; if that fails, we are asked for it again */
            report_sockets(control);
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

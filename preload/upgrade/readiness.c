/*
 * A generation is ready when it is about to do what a server does: wait for
 * clients. That is seen in the calls that wait, looked at until the first one
 * over a listener has been reported, and left alone from then on.
 */
#include "readiness.h"

#include <errno.h>
#include <sys/prctl.h>

#include "blocking.h"
#include "generations.h"
#include "given.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/proc_text.h"
#include "preload/kernel/procfs.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/proc_self.h"
#include "preload/process/process.h"
#include "retire.h"

/* This process, or one it was forked from, listens or has been given a listener. */
static atomic_bool participates;
static atomic_uint told;

/*
 * A program that waits this often for other things is not going to wait for
 * clients; one that does not listen itself is passed its listener early, or never.
 */
enum { MOST_LOOKS = 100000, MOST_LOOKS_WITHOUT_LISTENER = 1000, MOST_ATTEMPTS = 5 };
static atomic_uint looks;

/*
 * An epoll set may be waited on like any other descriptor, in another set as
 * well: epoll(7). The kernel bounds that alike: EP_MAX_NESTS.
 */
enum { MOST_NESTED = 4, NONE_SEEN = -1 };

bool has_been_ready(void)
{
    return told;
}

static void participate(void)
{
    participates = true;
    atomic_fetch_and(&attention, ~(unsigned)ATTENTION_NO_LISTENER);
}

void expect_readiness(void)
{
    participate();
    if (!told) {
        looks = 0;
        atomic_fetch_or(&attention, ATTENTION_READINESS);
    }
}

static void stop_looking(void)
{
    atomic_fetch_and(&attention, ~(unsigned)ATTENTION_READINESS);
}

/*
 * The kernel forgets that we are to die with the helper when a program changes
 * its uid (prctl(2), PR_SET_PDEATHSIG). By now it has.
 */
static void die_with_helper(void)
{
    int present = 0;

    if (session.dies_with_helper && kernel_getpid() == session.first &&
        getppid() == session.helper && prctl(PR_GET_PDEATHSIG, &present) == 0 && present == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* `listener`: one of those that it waits on, which tells the helper whose clients it serves. */
static void tell_waiting(int listener)
{
    struct message message = new_message(MESSAGE_WAITING);

    if (!own_state() || atomic_exchange(&told, true))
        return;
    die_with_helper();
    message.inode = socket_inode(listener);
    if (tell_helper(&message) == 0) {
        stop_looking();
        return;
    }
    /* the next wait tells it again; but a helper that is held up costs the program a second each
     * time, so after a few attempts that ends */
    told = false;
    if (errno != EMFILE)
        looks += MOST_LOOKS / MOST_ATTEMPTS;
}

static void participate_if_given_a_listener(void)
{
    if (take_given_sockets(true))
        participate();
}

/*
 * Another wait is looked at; after many that were not for clients, no more are. A CGI
 * script or a log helper, which has no listener, has its descriptors searched once, and
 * its waits looked at for a while: it may be passed a listener.
 */
static void count_look(void)
{
    unsigned before;

    if (attends(ATTENTION_ADOPTED | ATTENTION_UPGRADE))
        return;
    before = atomic_fetch_add(&looks, 1);
    if (before == 0 && !participates)
        participate_if_given_a_listener();
    if (before > (participates ? MOST_LOOKS : MOST_LOOKS_WITHOUT_LISTENER))
        stop_looking();
}

/*
 * The program polls what it has adopted. A datagram socket must block for it, so the
 * old generation has to let go of it first; and that one retires once the helper has
 * been told that we wait for clients. So does a listener, beside an old generation that no
 * library keeps from seeing EAGAIN.
 */
static void decide_polled(struct note *note, int fd)
{
    if (!note->undecided)
        return;
    if (!note->datagram && !session.beside_stranger) {
        decide_not_blocking(note, fd);
        return;
    }
    tell_waiting(fd);
    if (outlast_predecessor())
        decide_blocking(note, fd);
}

/*
 * Returns whether fd is a listener, which is `*seen` then; it is known from now on that the program
 * polls it.
 */
static bool see_polled(int fd, int *seen)
{
    struct note *note;

    if (!serves_clients(fd))
        return false;
    *seen = fd;
    if (!participates)
        participate_if_given_a_listener();
    note = find_note(socket_inode(fd));
    if (note) {
        note->polled = true;
        decide_polled(note, fd);
    }
    return true;
}

struct set_search {
    unsigned depth; /* how many sets may still be in one another */
    int *seen;
};

static void see_waited_on(int fd, unsigned depth, int *seen);

static bool see_registered(const char *line, void *argument)
{
    struct set_search *search = argument;
    struct epoll_watch watch;

    if (parse_epoll_watch(line, &watch))
        see_waited_on(watch.fd, search->depth, search->seen);
    return true;
}

/* A listener in this epoll set is `*seen` then; there is none in anything else. */
// NOLINTNEXTLINE(readability-non-const-parameter): it is written through the search
static void see_set(int set, unsigned depth, int *seen)
{
    struct set_search search = {depth, seen};
    int proc = open_proc_with_descriptors();
    char path[64];

    for_each_line(proc, proc_path(path, "fdinfo/", set, ""), see_registered, &search);
    kernel_close(proc);
}

/*
 * Does the program wait for clients by waiting on this? Then a listener is `*seen`. Once its
 * listeners have been collected, sets are not read here any more: retiring reads them all.
 */
static void see_waited_on(int fd, unsigned depth, int *seen)
{
    if (!see_polled(fd, seen) && depth > 0 && attends(ATTENTION_READINESS | ATTENTION_ADOPTED) &&
        socket_option(fd, SO_TYPE) == -1)
        see_set(fd, depth - 1, seen);
}

/*
 * A thread is about to wait for clients. So it has received every datagram that an
 * earlier poll() had told it of, and what was postponed for that can retire.
 */
static void see_wait_for_clients(int listener)
{
    if (attends(ATTENTION_POSTPONED))
        retire_listeners(true);
    tell_waiting(listener);
}

void look_before_accept(int fd)
{
    int saved = errno;

    count_look();
    if (is_listener(fd)) {
        struct note *note;

        if (!participates)
            participate_if_given_a_listener();
        note = find_note(socket_inode(fd));
        if (note)
            decide_blocking(note, fd);
        tell_waiting(fd);
    }
    errno = saved;
}

void look_before_poll(const struct pollfd *fds, nfds_t count)
{
    int saved = errno;
    int seen = NONE_SEEN;
    struct pollfd one;

    count_look();
    for (nfds_t i = 0; i < count && read_program_memory(&one, &fds[i], sizeof one); i++)
        if (one.fd >= 0 && one.events & (POLLIN | POLLRDNORM))
            see_waited_on(one.fd, MOST_NESTED, &seen);
    if (seen != NONE_SEEN)
        see_wait_for_clients(seen);
    errno = saved;
}

/* A set may be larger than FD_SETSIZE: select(2). */
void look_before_select(int highest, const fd_set *readers)
{
    int saved = errno;
    int seen = NONE_SEEN;
    const unsigned long *words = (const void *)readers;
    const int bits = 8 * (int)sizeof *words;
    unsigned long word;

    if (!readers)
        return;
    count_look();
    for (int at = 0; at < highest && read_program_memory(&word, &words[at / bits], sizeof word);
         at += bits)
        for (int bit = 0; bit < bits && at + bit < highest; bit++)
            if (word >> bit & 1)
                see_waited_on(at + bit, MOST_NESTED, &seen);
    if (seen != NONE_SEEN)
        see_wait_for_clients(seen);
    errno = saved;
}

void look_before_epoll(int set)
{
    int saved = errno;
    int seen = NONE_SEEN;

    /* while collected nothing new can be learned: retiring reads the sets itself */
    if (attends(ATTENTION_READINESS | ATTENTION_ADOPTED | ATTENTION_POSTPONED)) {
        count_look();
        see_set(set, MOST_NESTED, &seen);
        if (seen != NONE_SEEN)
            see_wait_for_clients(seen);
    }
    errno = saved;
}

void look_before_registration(int fd)
{
    int saved = errno;
    int seen;

    see_polled(fd, &seen);
    errno = saved;
}

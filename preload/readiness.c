/*
 * A generation is ready when it is about to do what a server does: wait for
 * clients. That is seen in the calls that wait, looked at until the first one
 * over a listener has been reported, and left alone from then on.
 */
#include "readiness.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "blocking.h"
#include "control.h"
#include "descriptors.h"
#include "given.h"
#include "kernel.h"
#include "notes.h"
#include "predecessor.h"
#include "process.h"
#include "procfs.h"
#include "program_memory.h"
#include "retire.h"

/* This process, or one it was forked from, listens or has been given a listener. */
static atomic_bool participates;
static atomic_bool told;

/*
 * A program that waits this often for other things is not going to wait for
 * clients; one that does not listen itself is passed its listener early, or never.
 */
enum { MOST_LOOKS = 100000, MOST_LOOKS_OF_STRANGER = 1000, MOST_ATTEMPTS = 5 };
static atomic_uint looks;

/*
 * An epoll set may be waited on like any other descriptor, in another set as
 * well: epoll(7). The kernel bounds that alike: EP_MAX_NESTS.
 */
enum { MOST_NESTED = 4 };

bool has_been_ready(void)
{
    return told;
}

static void participate(void)
{
    participates = true;
    atomic_fetch_and(&attention, ~(unsigned)ATTENTION_STRANGER);
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

    if (kernel_getpid() == session.first && getppid() == session.helper &&
        prctl(PR_GET_PDEATHSIG, &present) == 0 && present == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void tell_waiting(void)
{
    struct message message = new_message(MESSAGE_WAITING);

    if (!own_state() || atomic_exchange(&told, true))
        return;
    die_with_helper();
    if (tell_helper(&message) == 0) {
        stop_looking();
        return;
    }
    /* again at the next wait, soon enough; but each second that a helper is held up is lost here */
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
 * A wait is looked at, perhaps the last one. A CGI script or a log helper is left
 * alone: its descriptors are searched once, and later what it waits on for a while.
 */
static void count_look(void)
{
    unsigned before;

    if (attends(ATTENTION_ADOPTED | ATTENTION_UPGRADE))
        return;
    before = atomic_fetch_add(&looks, 1);
    if (before == 0 && !participates)
        participate_if_given_a_listener();
    if (before > (participates ? MOST_LOOKS : MOST_LOOKS_OF_STRANGER))
        stop_looking();
}

/* What the other generation does not know of yet is told first: it retires only then. */
static void decide_polled(struct note *note, int fd)
{
    if (!note->undecided)
        return;
    if (!note->datagram) {
        decide_not_blocking(note, fd);
        return;
    }
    tell_waiting();
    if (outlast_predecessor())
        decide_blocking(note, fd);
}

/* Returns whether fd is a listener; then it is known from now on that the program polls it. */
static bool see_polled(int fd)
{
    struct note *note;

    if (!serves_clients(fd))
        return false;
    if (!participates)
        participate_if_given_a_listener();
    note = find_note(socket_inode(fd));
    if (note) {
        note->polled = true;
        decide_polled(note, fd);
    }
    return true;
}

struct look {
    unsigned depth; /* how many sets may still be in one another */
    bool seen;
};

static bool see_waited_on(int fd, unsigned depth);

static bool see_registered(const char *line, void *argument)
{
    struct look *look = argument;
    const char *at = line + 4;

    if (strncmp(line, "tfd:", 4) == 0)
        look->seen |= see_waited_on((int)parse_number(&at, 10), look->depth);
    return true;
}

/* Returns whether there is a listener in this epoll set; there is none in anything else. */
static bool see_set(int set, unsigned depth)
{
    struct look look = {depth, false};
    int proc = open_proc_with_descriptors();
    char path[64];

    for_each_line(proc, proc_path(path, "fdinfo/", set, ""), see_registered, &look);
    kernel_close(proc);
    return look.seen;
}

/* While collected nothing new can be learned of a set: retiring reads them all itself. */
static bool see_waited_on(int fd, unsigned depth)
{
    if (see_polled(fd))
        return true;
    return depth > 0 && attends(ATTENTION_READINESS | ATTENTION_ADOPTED) &&
           socket_option(fd, SO_TYPE) == -1 && see_set(fd, depth - 1);
}

/* A thread is about to wait, clients among others, and has received all that it was told of. */
static void see_wait_for_clients(void)
{
    if (attends(ATTENTION_POSTPONED))
        retire_listeners(true);
    tell_waiting();
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
        tell_waiting();
    }
    errno = saved;
}

void look_before_poll(const struct pollfd *fds, nfds_t count)
{
    int saved = errno;
    bool seen = false;
    struct pollfd one;

    count_look();
    for (nfds_t i = 0; i < count && read_program_memory(&one, &fds[i], sizeof one); i++)
        if (one.fd >= 0 && one.events & (POLLIN | POLLRDNORM))
            seen |= see_waited_on(one.fd, MOST_NESTED);
    if (seen)
        see_wait_for_clients();
    errno = saved;
}

/* A set may be larger than FD_SETSIZE: select(2). */
void look_before_select(int highest, const fd_set *readers)
{
    int saved = errno;
    bool seen = false;
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
                seen |= see_waited_on(at + bit, MOST_NESTED);
    if (seen)
        see_wait_for_clients();
    errno = saved;
}

void look_before_epoll(int set)
{
    int saved = errno;

    /* while collected nothing new can be learned: retiring reads the sets itself */
    if (attends(ATTENTION_READINESS | ATTENTION_ADOPTED | ATTENTION_POSTPONED)) {
        count_look();
        if (see_set(set, MOST_NESTED))
            see_wait_for_clients();
    }
    errno = saved;
}

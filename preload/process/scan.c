/*
 * No table of descriptors is kept: dup, fork and close would make it drift from
 * the truth. When an upgrade needs to know, the kernel is asked about each number,
 * and /proc/self/fdinfo says what an epoll set watches. The program stands still
 * meanwhile, perhaps amid thousands of connections.
 */
#include "scan.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "descriptors.h"
#include "preload/kernel/arrays.h"
#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/proc_text.h"
#include "preload/kernel/procfs.h"
#include "preload/kernel/sockets.h"
#include "proc_self.h"
#include "process.h"
#include "seen_connections.h"
#include "told_sets.h"

/* How many sockets a set is asked about one by one. */
enum { MOST_COMPARED = 16 };

/* To get a lock that the very thread may hold which a handler of ours has interrupted. */
enum { MOST_ATTEMPTS = 200 };

static void failed(struct scan *scan)
{
    if (!scan->error)
        scan->error = errno;
}

/*
 * What could not be looked at may be a set that watches a listener. Where no links can be
 * read, each is looked into: fdinfo has nothing for us of what is none.
 */
static bool may_be_epoll_set(struct scan *scan, int fd)
{
    static const char kind[] = "anon_inode:[eventpoll]";
    char path[64];
    char target[sizeof kind];
    ssize_t length;

    if (scan->proc == PROC_ELSEWHERE)
        return true;
    length = kernel_readlinkat(scan->proc, proc_path(path, "fd/", fd, ""), target, sizeof target);
    if (length == -1 && !is_gone(errno))
        failed(scan);
    return length == sizeof kind - 1 && memcmp(target, kind, sizeof kind - 1) == 0;
}

/*
 * The text about a set is made at one go, 1.4 us for each of its connections: only what
 * may watch one of the sockets is read. kcmp(2) tells from Linux 4.13 on. It walks through
 * the set, too: where there are many sockets to ask about, the text is cheaper.
 */
static bool may_watch(struct scan *scan, int set)
{
    const unsigned asked = scan->sockets < MOST_COMPARED ? scan->sockets : MOST_COMPARED;

    for (unsigned i = 0; i < asked; i++)
        if (kernel_compare_watched(set, scan->socket[i].fd) != -1)
            return true;
        else if (errno != ENOENT)
            return may_be_epoll_set(scan, set);
    return scan->sockets > asked;
}

static void add_set(struct scan *scan, int fd)
{
    int *set = room_for_one_more(scan->set, scan->sets, sizeof *set);

    if (!set) {
        failed(scan);
        return;
    }
    scan->set = set;
    set[scan->sets++] = fd;
}

static void add_socket(struct scan *scan, struct found_socket found)
{
    struct found_socket *socket = room_for_one_more(scan->socket, scan->sockets, sizeof *socket);

    if (!socket) {
        failed(scan);
        return;
    }
    scan->socket = socket;
    socket[scan->sockets++] = found;
}

static void add_registration(struct scan *scan, struct found_socket *socket,
                             struct registration found)
{
    struct registration *registration =
        room_for_one_more(scan->registration, scan->registrations, sizeof *registration);

    if (!registration) {
        failed(scan);
        return;
    }
    scan->registration = registration;
    registration[scan->registrations++] = found;
    socket->registered = scan->registrations;
}

/* The cheapest question first: nearly all of them are connections. */
static enum want is_wanted(const struct scan *scan, int fd, struct found_socket *found)
{
    int listens = socket_option(fd, SO_ACCEPTCONN);
    enum want want;

    if (listens == -1)
        return CANNOT_TELL;
    want = scan->wanted(fd, listens != 0, scan->argument);
    if (want == NOT_WANTED && listens == 0 && scan->notes_connections)
        note_seen_connection(fd);
    if (want != WANTED)
        return want;
    *found = (struct found_socket){.fd = fd, .listens = listens != 0, .inode = socket_inode(fd)};
    return found->inode == 0 ? CANNOT_TELL : WANTED;
}

static bool see_descriptor(int fd, void *argument)
{
    struct scan *scan = argument;
    struct found_socket found;
    enum want want = is_wanted(scan, fd, &found);

    if (want == WANTED)
        add_socket(scan, found);
    else if (want == CANNOT_TELL && errno == ENOTSOCK)
        add_set(scan, fd);
    else if (want == CANNOT_TELL && errno != EBADF) /* another thread has closed it */
        failed(scan);
    return true;
}

/*
 * What listens is never writable, as nearly every connection is: what is not is asked about one
 * by one. A number may be another file's than it was, and that is no harm: most of them can be
 * written to as well, and an epoll set cannot.
 */
static void see_connections(struct scan *scan)
{
    struct pollfd connection[CONNECTIONS_AT_ONCE];
    unsigned count = scan->connections;
    bool polled;

    for (unsigned i = 0; i < count; i++)
        connection[i] = (struct pollfd){.fd = scan->connection[i], .events = POLLOUT};
    polled = count > 0 && kernel_poll(connection, count, 0) != -1;
    for (unsigned i = 0; i < count; i++)
        if (!polled || !(connection[i].revents & (POLLOUT | POLLNVAL)))
            see_descriptor(scan->connection[i], scan);
    scan->connections = 0;
}

/* What is found has to be found in the order of the numbers. */
static bool see_descriptor_or_later(int fd, void *argument)
{
    struct scan *scan = argument;

    if (was_seen_connection(fd)) {
        scan->connection[scan->connections++] = fd;
        if (scan->connections == CONNECTIONS_AT_ONCE)
            see_connections(scan);
        return true;
    }
    if (scan->connections > 0)
        see_connections(scan);
    return see_descriptor(fd, scan);
}

/* A program that binds a thousand sockets is looked through a thousand times. */
static bool see_same(int fd, void *argument)
{
    struct scan *scan = argument;
    struct file_status file;

    if (read_descriptor_status(fd, &file) == -1)
        return true;
    if (S_ISSOCK(file.mode) && file.inode == scan->inode)
        add_socket(scan, (struct found_socket){.fd = fd, .inode = scan->inode});
    else if ((file.mode & S_IFMT) == 0) /* as the kernel's anonymous files are */
        add_set(scan, fd);
    return true;
}

const struct found_socket *find_found(const struct scan *scan, int fd)
{
    unsigned first = 0;
    unsigned end = scan->sockets;

    while (first < end) {
        unsigned middle = first + (end - first) / 2;

        if (scan->socket[middle].fd < fd)
            first = middle + 1;
        else
            end = middle;
    }
    return first < scan->sockets && scan->socket[first].fd == fd ? &scan->socket[first] : NULL;
}

int for_each_registration(const struct scan *scan, int fd,
                          int (*visit)(const struct registration *registration))
{
    const struct found_socket *found = find_found(scan, fd);
    int error = 0;

    for (unsigned i = found ? found->registered : 0; i > 0; i = scan->registration[i - 1].before)
        if (visit(&scan->registration[i - 1]) == -1)
            error = errno;
    if (error)
        errno = error;
    return error ? -1 : 0;
}

struct set_reader {
    struct scan *scan;
    int set;
};

static bool see_registration(const char *line, void *argument)
{
    const struct set_reader *reader = argument;
    struct scan *scan = reader->scan;
    const struct found_socket *found;
    struct epoll_watch watch;
    int fd = parse_watched(line);

    if (fd == -1 || !(found = find_found(scan, fd)) || !parse_epoll_watch(line, &watch) ||
        found->inode != (ino_t)watch.inode)
        return true;
    add_registration(scan, &scan->socket[found - scan->socket],
                     (struct registration){.set = reader->set,
                                           .fd = fd,
                                           .events = watch.events,
                                           .before = found->registered,
                                           .data = watch.data});
    return true;
}

/* Returns whether the program itself has told how the set watches this socket, if it does. */
static bool is_told(int set, const struct found_socket *found, struct epoll_event *event)
{
    int watched = kernel_compare_watched(set, found->fd);

    event->events = 0;
    return watched == -1 ? errno == ENOENT
                         : watched == 0 && find_told(set, found->fd, found->inode, event);
}

/* Returns false where the kernel's text has to be read. A registration has an event at least. */
static bool see_told(struct scan *scan, int set)
{
    struct epoll_event event[MOST_COMPARED];

    if (scan->sockets > MOST_COMPARED)
        return false;
    for (unsigned i = 0; i < scan->sockets; i++)
        if (!is_told(set, &scan->socket[i], &event[i]))
            return false;
    for (unsigned i = 0; i < scan->sockets; i++)
        if (event[i].events != 0)
            add_registration(scan, &scan->socket[i],
                             (struct registration){.set = set,
                                                   .fd = scan->socket[i].fd,
                                                   .events = event[i].events,
                                                   .before = scan->socket[i].registered,
                                                   .data = event[i].data.u64});
    return true;
}

static void read_set(struct scan *scan, int set)
{
    struct set_reader reader = {scan, set};
    char path[64];

    if (for_each_line(scan->proc, proc_path(path, "fdinfo/", set, ""), see_registration, &reader) ==
            -1 &&
        !is_gone(errno))
        failed(scan);
}

/* A set that another thread has closed meanwhile watches nothing. */
static void see_sets(struct scan *scan)
{
    for (unsigned i = 0; i < scan->sets; i++)
        if (!see_told(scan, scan->set[i]) && may_watch(scan, scan->set[i]))
            read_set(scan, scan->set[i]);
}

static void look(struct scan *scan, bool (*see)(int fd, void *scan), bool into_sets)
{
    int looked = -1;

    scan->proc = open_proc_with_descriptors();
    if (scan->proc != -1)
        looked = for_each_descriptor(scan->proc, 0, see, scan);
    if (looked == -1)
        failed(scan);
    see_connections(scan);
    if (looked != -1 && scan->sockets > 0 && into_sets)
        see_sets(scan);
    kernel_close(scan->proc);
}

void scan_descriptors(struct scan *scan)
{
    look(scan, scan->skips_connections ? see_descriptor_or_later : see_descriptor, true);
}

void scan_sockets(struct scan *scan)
{
    if (scan->notes_connections)
        forget_seen_connections();
    look(scan, see_descriptor, false);
}

void scan_for_socket(struct scan *scan, ino_t inode)
{
    scan->inode = inode;
    look(scan, see_same, true);
}

/*
 * The page that forks do not inherit holds the lock: a child never finds it taken by nobody. A
 * thread that registers a listener all the time has it nearly all the time, and never for long.
 */
static bool try_scan_lock(struct own_state *own)
{
    for (int i = 0; i < MOST_ATTEMPTS; i++) {
        if (!atomic_flag_test_and_set(&own->scan_lock))
            return true;
        sched_yield();
    }
    return false;
}

struct scan *lock_scan(void)
{
    static struct scan the_scan;
    struct own_state *own = own_state();

    if (!own || !try_scan_lock(own))
        return NULL;
    /* a fork while it was held leaves the child what it had found, for nobody */
    memset(&the_scan, 0, sizeof the_scan);
    return &the_scan;
}

void unlock_scan(struct scan *scan)
{
    struct own_state *own = own_state();

    free_array(scan->socket, scan->sockets, sizeof *scan->socket);
    free_array(scan->set, scan->sets, sizeof *scan->set);
    free_array(scan->registration, scan->registrations, sizeof *scan->registration);
    if (own)
        atomic_flag_clear(&own->scan_lock);
}

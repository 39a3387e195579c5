/*
 * No table of descriptors is kept: dup, fork and close would make it drift from
 * the truth. When an upgrade needs to know, /proc/self/fd says what there is
 * and /proc/self/fdinfo what each epoll set watches.
 */
#include "descriptors.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "arrays.h"
#include "kernel.h"
#include "process.h"
#include "procfs.h"

int socket_option(int fd, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    return kernel_getsockopt(fd, SOL_SOCKET, name, &value, &length) == -1 ? -1 : value;
}

bool is_listener(int fd)
{
    return socket_option(fd, SO_ACCEPTCONN) == 1;
}

ino_t socket_inode(int fd)
{
    struct statx status;

    /* fstat(3) is on the list of signal-safety(7), but libfaketime's takes a lock */
    return kernel_statx(fd, "", AT_EMPTY_PATH, &status) == -1 ? 0 : status.stx_ino;
}

static bool is_epoll_set(int proc, int fd)
{
    static const char kind[] = "anon_inode:[eventpoll]";
    char path[64];
    char target[sizeof kind];
    ssize_t length = kernel_readlinkat(proc, proc_path(path, "fd/", fd, ""), target, sizeof target);

    return length == sizeof kind - 1 && memcmp(target, kind, sizeof kind - 1) == 0;
}

static void failed(struct survey *survey)
{
    if (!survey->error)
        survey->error = errno;
}

static void add_set(struct survey *survey, int fd)
{
    int *set = room_for_one_more(survey->set, survey->sets, sizeof *set);

    if (!set) {
        failed(survey);
        return;
    }
    survey->set = set;
    set[survey->sets++] = fd;
}

static void add_socket(struct survey *survey, struct surveyed_socket found)
{
    struct surveyed_socket *socket =
        room_for_one_more(survey->socket, survey->sockets, sizeof *socket);

    if (!socket) {
        failed(survey);
        return;
    }
    survey->socket = socket;
    socket[survey->sockets++] = found;
}

static void add_registration(struct survey *survey, struct registration found)
{
    struct registration *registration =
        room_for_one_more(survey->registration, survey->registrations, sizeof *registration);

    if (!registration) {
        failed(survey);
        return;
    }
    survey->registration = registration;
    registration[survey->registrations++] = found;
}

static bool survey_descriptor(int fd, void *argument)
{
    struct survey *survey = argument;
    ino_t inode;

    if (socket_option(fd, SO_TYPE) == -1) {
        if (is_epoll_set(survey->proc, fd))
            add_set(survey, fd);
        return true;
    }
    inode = socket_inode(fd);
    if (survey->wanted(fd, inode, survey->argument))
        add_socket(survey, (struct surveyed_socket){fd, inode});
    return true;
}

static bool is_surveyed(const struct survey *survey, int fd, ino_t inode)
{
    for (unsigned i = 0; i < survey->sockets; i++)
        if (survey->socket[i].fd == fd && survey->socket[i].inode == inode)
            return true;
    return false;
}

/* The value behind "NAME:" in a line of fdinfo. */
static unsigned long long field(const char *line, const char *name, unsigned base)
{
    const char *at = strstr(line, name);

    if (!at)
        return 0;
    at += strlen(name);
    return parse_number(&at, base);
}

struct set_reader {
    struct survey *survey;
    int set;
};

/* proc(5): "tfd: 3 events: 19 data: ffffffff pos:0 ino:1c0f sdev:9", all but tfd in hexadecimal. */
static bool survey_registration(const char *line, void *argument)
{
    struct set_reader *reader = argument;
    struct survey *survey = reader->survey;
    struct registration found;

    if (strncmp(line, "tfd:", 4) != 0)
        return true;
    found.set = reader->set;
    found.fd = (int)field(line, "tfd:", 10);
    found.events = (uint32_t)field(line, "events:", 16);
    found.data = field(line, "data:", 16);
    if (is_surveyed(survey, found.fd, (ino_t)field(line, "ino:", 16)))
        add_registration(survey, found);
    return true;
}

static void survey_sets(struct survey *survey)
{
    for (unsigned i = 0; i < survey->sets; i++) {
        struct set_reader reader = {survey, survey->set[i]};
        char path[64];

        if (for_each_line(survey->proc, proc_path(path, "fdinfo/", reader.set, ""),
                          survey_registration, &reader) == -1)
            failed(survey);
    }
}

void survey_descriptors(struct survey *survey)
{
    survey->proc = open_proc_with_descriptors();
    if (survey->proc == -1 || for_each_number(survey->proc, "fd", survey_descriptor, survey) == -1)
        failed(survey);
    else if (survey->sockets > 0)
        survey_sets(survey);
    kernel_close(survey->proc);
}

/* The page that forks do not inherit holds the lock: a child never finds it taken by nobody. */
struct survey *lock_survey(void)
{
    static struct survey the_survey;
    struct own_state *own = own_state();

    if (!own || atomic_flag_test_and_set(&own->survey_lock))
        return NULL;
    /* a fork while it was held leaves the child what it had found, for nobody */
    memset(&the_survey, 0, sizeof the_survey);
    return &the_survey;
}

void unlock_survey(struct survey *survey)
{
    struct own_state *own = own_state();

    free_array(survey->socket, survey->sockets, sizeof *survey->socket);
    free_array(survey->set, survey->sets, sizeof *survey->set);
    free_array(survey->registration, survey->registrations, sizeof *survey->registration);
    if (own)
        atomic_flag_clear(&own->survey_lock);
}

/*
 * epoll(7) watches the open file description, not the number: once the number
 * is replaced, the old registration can be removed by nobody and reports
 * events for ever. So: remove, replace, add.
 */
int replace_descriptor(const struct survey *survey, int fd, int replacement)
{
    int descriptor_flags = kernel_fcntl(fd, F_GETFD, 0);
    int result;

    if (survey->sockets > 0 && !is_surveyed(survey, fd, socket_inode(fd))) {
        errno = ESTALE;
        return -1;
    }
    for (unsigned i = 0; i < survey->registrations; i++)
        if (survey->registration[i].fd == fd)
            kernel_epoll_ctl(survey->registration[i].set, EPOLL_CTL_DEL, fd, NULL);

    result = kernel_dup3(replacement, fd, descriptor_flags & FD_CLOEXEC ? O_CLOEXEC : 0);

    for (unsigned i = 0; i < survey->registrations; i++) {
        const struct registration *registration = &survey->registration[i];
        struct epoll_event event = {.events = registration->events, .data.u64 = registration->data};

        if (registration->fd == fd)
            kernel_epoll_ctl(registration->set, EPOLL_CTL_ADD, fd, &event);
    }
    return result == -1 ? -1 : 0;
}

static bool want_inode(int fd, ino_t inode, void *survey)
{
    (void)fd;
    return inode == ((const struct survey *)survey)->inode;
}

int replace_socket(struct survey *survey, int fd, int replacement)
{
    int result = -1;

    survey->wanted = want_inode;
    survey->argument = survey;
    survey->inode = socket_inode(fd);
    survey_descriptors(survey);
    for (unsigned i = 0; i < survey->sockets; i++)
        if (replace_descriptor(survey, survey->socket[i].fd, replacement) == 0 &&
            survey->socket[i].fd == fd)
            result = 0;
    /* /proc is missing: then at least the number that we were given */
    return result == 0 ? 0 : replace_descriptor(survey, fd, replacement);
}

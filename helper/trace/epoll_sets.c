/*
 * The kernel finds an entry of a set by open file and number, and does not mind whose table the
 * number is looked up in. So the same file under the same number in ours will do. What stands
 * there in our table is put aside meanwhile: there is no other thread that could miss it.
 */
#include "epoll_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "anonymous.h"
#include "borrow.h"
#include "helper/base/memory.h"

/* More than any program has of its listeners. */
enum { MOST_REGISTRATIONS = 64 * 1024 };

struct reader {
    bool (*wanted)(uint64_t inode, const void *argument);
    const void *argument;
    struct registration *list;
    size_t count;
};

/* proc(5) fdinfo: "tfd: 7 events: 80000019 data: 7 pos:0 ino:61af sdev:7". */
static bool parse_entry(const char *line, struct registration *entry)
{
    const char *inode = strstr(line, " ino:");
    unsigned events;
    unsigned long long data;

    if (!inode ||
        sscanf(line, "tfd: %d events: %x data: %llx", &entry->number, &events, &data) != 3)
        return false;
    entry->events = events;
    entry->data = data;
    entry->inode = strtoull(inode + strlen(" ino:"), NULL, 16);
    return true;
}

static void read_entry(struct reader *reader, int set, const char *line)
{
    struct registration entry = {.set = set};

    if (reader->count == MOST_REGISTRATIONS || !parse_entry(line, &entry) ||
        !reader->wanted(entry.inode, reader->argument))
        return;
    reader->list = grow(reader->list, reader->count + 1, sizeof entry);
    reader->list[reader->count++] = entry;
}

static void read_set(struct reader *reader, pid_t process, int set)
{
    char path[64];
    char line[256];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", process, set);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        read_entry(reader, set, line);
    if (file)
        fclose(file);
}

size_t list_registrations(pid_t process, bool (*wanted)(uint64_t inode, const void *argument),
                          const void *argument, struct registration **list)
{
    struct reader reader = {wanted, argument, NULL, 0};
    int *sets;
    size_t count = list_anonymous(process, "[eventpoll]", &sets);

    for (size_t i = 0; i < count; i++)
        read_set(&reader, process, sets[i]);
    free(sets);
    *list = reader.list;
    return reader.count;
}

/* What stood under the number is kept under another one; `kept` is -1 where nothing did. */
struct aside {
    int number;
    int kept;
    int flags;
};

static bool put_aside(int number, struct aside *aside)
{
    *aside = (struct aside){number, -1, fcntl(number, F_GETFD)};
    if (aside->flags == -1)
        return true;
    aside->kept = fcntl(number, F_DUPFD_CLOEXEC, 0);
    return aside->kept != -1;
}

static void put_back(const struct aside *aside)
{
    if (aside->kept == -1) {
        close(aside->number);
        return;
    }
    dup3(aside->kept, aside->number, aside->flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    close(aside->kept);
}

static int change(int set, const struct registration *registration, int operation, int fd)
{
    struct epoll_event event = {.events = registration->events, .data.u64 = registration->data};
    struct aside aside;
    int result = -1;
    int error;

    if (fd == registration->number)
        return epoll_ctl(set, operation, fd, &event);
    if (!put_aside(registration->number, &aside))
        return -1;
    if (dup3(fd, registration->number, O_CLOEXEC) != -1)
        result = epoll_ctl(set == registration->number ? aside.kept : set, operation,
                           registration->number, &event);
    error = errno;
    put_back(&aside);
    errno = error;
    return result;
}

bool is_disarmed(const struct registration *registration)
{
    return registration->events & EPOLLONESHOT && !(registration->events & EPOLLIN);
}

int change_registration(pid_t process, const struct registration *registration, int operation,
                        int fd)
{
    int set = borrow_needed(process, registration->set);
    int result;
    int error;

    if (set == -1)
        return -1;
    result = change(set, registration, operation, fd);
    error = errno;
    /* our own number may be the one: it has been put back */
    close(set);
    errno = error;
    return result;
}

/*
 * A name may hold a newline, and what follows looks like a line of its own: everybody may bind such
 * a name in the abstract namespace, and forge a socket that way. Nothing in the text tells such a
 * line from a true one. But each socket has a line, so what is forged about one of them is a second
 * line with its number: then neither is believed.
 */
#include "proc_unix.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "helper/base/memory.h"
#include "proc_text.h"
#include "unix_socket.h"

struct list {
    struct unix_socket *socket;
    size_t count;
};

static int compare(const void *one, const void *other)
{
    const struct unix_socket *a = one;
    const struct unix_socket *b = other;

    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

/* Sorted by inode. What has none is held by nobody: a client that nobody has accepted yet. */
static int read_list(FILE *file, struct list *list)
{
    char *line = NULL;
    size_t size = 0;
    int error = 0;

    while (getline(&line, &size, file) > 0) {
        struct unix_socket socket;

        if (!parse_unix_socket(line, &socket) || socket.inode == 0)
            continue;
        list->socket = grow(list->socket, list->count + 1, sizeof socket);
        list->socket[list->count++] = socket;
    }
    if (ferror(file))
        error = errno;
    free(line);
    if (list->count > 0)
        qsort(list->socket, list->count, sizeof *list->socket, compare);
    errno = error;
    return error ? -1 : 0;
}

static bool is_alone(const struct list *list, size_t k)
{
    return (k == 0 || compare(&list->socket[k - 1], &list->socket[k]) != 0) &&
           (k + 1 == list->count || compare(&list->socket[k + 1], &list->socket[k]) != 0);
}

static void look_at_path(struct unix_socket *socket)
{
    struct stat status;

    if (socket->name[0] != '/' || socket->name_length >= sizeof socket->name ||
        stat(socket->name, &status) == -1 || !S_ISSOCK(status.st_mode))
        return;
    socket->has_file = true;
    socket->device = status.st_dev;
    socket->file = (uint32_t)status.st_ino;
}

/* Of several lines about a socket one is visited, and says no more than that. */
static bool visit_entry(struct list *list, size_t k,
                        bool (*visit)(const struct unix_socket *socket, void *argument),
                        void *argument)
{
    struct unix_socket doubtful = {.inode = list->socket[k].inode, .doubtful = true};

    if (is_alone(list, k)) {
        look_at_path(&list->socket[k]);
        return visit(&list->socket[k], argument);
    }
    return (k > 0 && compare(&list->socket[k - 1], &list->socket[k]) == 0) ||
           visit(&doubtful, argument);
}

int visit_listed_unix_sockets(FILE *file,
                              bool (*visit)(const struct unix_socket *socket, void *argument),
                              void *argument)
{
    struct list list = {NULL, 0};
    bool more = true;
    int error = read_list(file, &list) == -1 ? errno : 0;

    for (size_t i = 0; i < list.count && more; i++)
        more = visit_entry(&list, i, visit, argument);
    free(list.socket);
    if (!more || error == 0)
        return 0;
    errno = error;
    return -1;
}

int for_each_listed_unix_socket(bool (*visit)(const struct unix_socket *socket, void *argument),
                                void *argument)
{
    FILE *file = fopen("/proc/self/net/unix", "re");
    int result;
    int error;

    if (!file)
        return -1;
    result = visit_listed_unix_sockets(file, visit, argument);
    error = errno;
    fclose(file);
    errno = error;
    return result;
}

/*
 * While an upgrade lasts, the helper's copies keep the accept queues alive and
 * remember how each listener was, in case the new generation changes it and
 * then fails.
 */
#include "inheritance.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../preload/keys.h"
#include "../preload/socket_options.h"
#include "memory.h"
#include "queues.h"
#include "socket_file.h"
#include "unix_sockets.h"

/* A path is where the old generation saw it; its file is the same for everybody. */
static void identify_file(struct inherited *item)
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);
    struct unix_socket local;
    struct stat status;

    if (item->key.family != AF_UNIX || item->key.address_length <= start ||
        item->key.address[start] <= UNIX_FILE_MARK || !find_unix_socket(item->inode, &local))
        return;
    if (find_socket_file(&local, item->from, &status))
        set_file_identity(&item->key, status.st_dev, status.st_ino);
    else if (local.has_file)
        set_file_identity(&item->key, local.device, local.file);
}

void inherit(struct inheritance *inheritance, const struct message *message, pid_t from, int fd)
{
    struct inherited *new;
    struct queue queue;

    if (find_inherited(inheritance, message->inode)) {
        close(fd);
        return;
    }
    inheritance->item = grow(inheritance->item, inheritance->count + 1, sizeof *inheritance->item);
    new = &inheritance->item[inheritance->count++];
    memset(new, 0, sizeof *new);
    new->fd = fd;
    new->inode = message->inode;
    new->from = from;
    new->order = message->order;
    new->key = message->key;
    new->status_flags = message->status_flags;
    fcntl(fd, F_GETOWN_EX, &new->async_owner);
    new->async_signal = fcntl(fd, F_GETSIG);
    identify_file(new);
    queue = queue_of(new);
    new->backlog = queue.known ? queue.limit : -1;
    new->options = socket(new->key.family, new->key.type | SOCK_CLOEXEC, new->key.protocol);
    if (new->options != -1)
        copy_socket_options(fd, new->options);
}

/* The k-th bind to an address gets the k-th socket: in the order in which they were bound. */
static bool comes_before(const struct inherited *one, const struct inherited *other)
{
    return one->from != other->from ? one->from < other->from : one->order < other->order;
}

struct inherited *claim(struct inheritance *inheritance, const struct listener_key *key)
{
    struct inherited *best = NULL;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        if (!item->claimed && memcmp(&item->key, key, sizeof *key) == 0 &&
            (!best || comes_before(item, best)))
            best = item;
    }
    if (best)
        best->claimed = true;
    return best;
}

struct inherited *find_inherited(struct inheritance *inheritance, uint64_t inode)
{
    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].inode == inode)
            return &inheritance->item[i];
    return NULL;
}

bool fully_claimed(const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        if (!inheritance->item[i].listening)
            return false;
    return true;
}

bool partly_claimed(const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].claimed)
            return true;
    return false;
}

void restore_listeners(const struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++) {
        const struct inherited *item = &inheritance->item[i];

        fcntl(item->fd, F_SETOWN_EX, &item->async_owner);
        fcntl(item->fd, F_SETSIG, item->async_signal);
        fcntl(item->fd, F_SETFL, item->status_flags);
        if (item->options != -1)
            copy_socket_options(item->options, item->fd);
        /* listen(2) again would make the credentials that unix(7) clients see ours */
        if (item->backlog != -1 && queue_of(item).limit != item->backlog)
            listen(item->fd, item->backlog);
    }
}

static int reuse_of(const struct inherited *item)
{
    int value = 0;
    socklen_t length = sizeof value;

    getsockopt(item->fd, SOL_SOCKET, SO_REUSEADDR, &value, &length);
    return value;
}

void allow_second_senders(struct inheritance *inheritance)
{
    int yes = 1;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        item->reusable = reuse_of(item) != 0;
        if (item->key.type == SOCK_DGRAM)
            setsockopt(item->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    }
}

void forbid_second_senders(struct inheritance *inheritance)
{
    int no = 0;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        if (item->key.type == SOCK_DGRAM && !item->reusable)
            setsockopt(item->fd, SOL_SOCKET, SO_REUSEADDR, &no, sizeof no);
    }
}

size_t queued(const struct inheritance *inheritance)
{
    size_t waiting = 0;

    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].claimed && inheritance->item[i].key.type != SOCK_DGRAM)
            waiting += queue_of(&inheritance->item[i]).length;
    return waiting;
}

void release(struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++) {
        close(inheritance->item[i].fd);
        if (inheritance->item[i].options != -1)
            close(inheritance->item[i].options);
    }
    free(inheritance->item);
    *inheritance = (struct inheritance){NULL, 0};
}

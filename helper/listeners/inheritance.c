/*
 * While an upgrade lasts, the helper's copies keep the accept queues alive and
 * remember how each listener was, in case the new generation changes it and
 * then fails.
 */
#include "inheritance.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/base/memory.h"
#include "helper/kernel/unix_sockets.h"
#include "helper/processes/deliver.h"
#include "helper/processes/family.h"
#include "preload/wire/keys.h"
#include "preload/wire/socket_options.h"
#include "queues.h"

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17 /* Linux 3.7: <linux/fcntl.h>, which goes with no libc's */
#endif

/* A path is where the old generation saw it; its file is the same for everybody. */
static void identify_file(struct inherited *item)
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);
    struct unix_socket local;
    struct socket_file file;

    item->path[0] = '\0';
    if (item->key.family != AF_UNIX || item->key.address_length <= start ||
        item->key.address[start] == '\0' || find_unix_socket(item->inode, &local) != IS_THERE)
        return;
    if (find_socket_file(&local, item->from, NULL, &file)) {
        set_file_identity(&item->key, file.device, file.inode);
        snprintf(item->path, sizeof item->path, "%s", file.path);
    } else if (local.has_file && item->key.address[start] != UNIX_FILE_MARK) {
        set_file_identity(&item->key, local.device, local.file);
    }
}

static void note_async_signals(struct inherited *item)
{
    fcntl(item->fd, F_GETOWN_EX, &item->async_owner);
    item->async_signal = fcntl(item->fd, F_GETSIG);
    /* needs CONFIG_CHECKPOINT_RESTORE, which distributions set */
    if (fcntl(item->fd, F_GETOWNER_UIDS, item->async_setter) == -1)
        item->async_setter[0] = item->async_setter[1] = UINT32_MAX;
}

/*
 * For each client the kernel signals the owner in the name of whoever has set it.
 * Were that us, with our privileges, a worker could choose what is killed by a
 * client's arrival: so it is set again only if that was the same user, the owner
 * is one of the server's processes, and the signal one that is meant for this.
 */
static bool may_set_owner(const struct inherited *item)
{
    const struct f_owner_ex *owner = &item->async_owner;
    bool ours = item->async_setter[0] == getuid() && item->async_setter[1] == geteuid();
    bool unprivileged = getuid() != 0 && geteuid() != 0;

    return (ours || unprivileged) && owner->type != F_OWNER_PGRP && find_member(owner->pid) &&
           (item->async_signal == 0 || item->async_signal == SIGIO ||
            item->async_signal >= SIGRTMIN);
}

static void restore_async_signals(const struct inherited *item)
{
    const struct f_owner_ex none = {.type = F_OWNER_PID, .pid = 0};
    struct inherited present = {.fd = item->fd};

    note_async_signals(&present);
    if (present.async_owner.pid != item->async_owner.pid ||
        present.async_owner.type != item->async_owner.type)
        fcntl(item->fd, F_SETOWN_EX, may_set_owner(item) ? &item->async_owner : &none);
    if (present.async_signal != item->async_signal)
        fcntl(item->fd, F_SETSIG, item->async_signal);
}

/*
 * Of each client the kernel tells once, and of those who wait it may have told somebody else.
 * A signal of F_SETSIG is not repeated: its receiver looks for a descriptor in it, which only the
 * kernel may send (sigqueue(3)). It hears of them with the next client.
 */
static void tell_of_waiting(const struct inherited *item)
{
    if ((item->status_flags & O_ASYNC) && item->async_owner.type == F_OWNER_PID &&
        (item->async_signal == 0 || item->async_signal == SIGIO) && may_set_owner(item))
        signal_member(find_member(item->async_owner.pid), SIGIO);
}

/* What the first process of a generation says of a socket goes before the word of all others. */
static void take_word(struct inherited *item, const struct message *message, pid_t from, bool first)
{
    item->from = from;
    item->of_first = first;
    item->position = message->position;
    item->key = message->key;
    identify_file(item);
}

void inherit(struct inheritance *inheritance, const struct message *message, pid_t from, bool first,
             int fd)
{
    struct inherited *new = find_inherited(inheritance, message->inode);
    struct queue queue;

    if (new) {
        close(fd);
        if (first && !new->of_first)
            take_word(new, message, from, first);
        return;
    }
    inheritance->item = grow(inheritance->item, inheritance->count + 1, sizeof *inheritance->item);
    new = &inheritance->item[inheritance->count++];
    memset(new, 0, sizeof *new);
    new->fd = fd;
    new->inode = message->inode;
    new->status_flags = message->status_flags;
    take_word(new, message, from, first);
    note_async_signals(new);
    queue = queue_of(new->fd, new->inode, &new->key);
    new->backlog = queue.known ? queue.limit : -1;
    new->options = socket(new->key.family, new->key.type | SOCK_CLOEXEC, new->key.protocol);
    if (new->options != -1)
        copy_socket_options(fd, new->options);
}

/* The k-th bind to an address gets the k-th socket: in the order in which they were bound. */
static bool comes_before(const struct inherited *one, const struct inherited *other)
{
    if (one->of_first != other->of_first)
        return one->of_first;
    return one->from != other->from ? one->from < other->from : one->position < other->position;
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

static void unclaim_item(struct inherited *item)
{
    item->claimed = item->listening = false;
    item->claimed_at = 0;
    item->abandoned = 0;
}

void unclaim(struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        unclaim_item(&inheritance->item[i]);
}

void claim_all(struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        inheritance->item[i].claimed = inheritance->item[i].listening = true;
}

void copy_inheritance(struct inheritance *inheritance, const struct inheritance *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct inherited copy = from->item[i];

        if (find_inherited(inheritance, copy.inode))
            continue;
        copy.fd = fcntl(copy.fd, F_DUPFD_CLOEXEC, 0);
        if (copy.fd == -1)
            continue;
        if (copy.options != -1)
            copy.options = fcntl(copy.options, F_DUPFD_CLOEXEC, 0);
        unclaim_item(&copy);
        inheritance->item =
            grow(inheritance->item, inheritance->count + 1, sizeof *inheritance->item);
        inheritance->item[inheritance->count++] = copy;
    }
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
        struct queue queue;

        restore_async_signals(item);
        fcntl(item->fd, F_SETFL, item->status_flags);
        if (item->options != -1)
            copy_socket_options(item->options, item->fd);
        /* listen(2) again would make the credentials that unix(7) clients see ours */
        queue = queue_of(item->fd, item->inode, &item->key);
        if (item->backlog != -1 && queue.known && queue.limit != item->backlog)
            listen(item->fd, item->backlog);
        if (queue.length > 0)
            tell_of_waiting(item);
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

        if (item->key.type != SOCK_DGRAM)
            continue;
        if (!item->second_senders)
            item->reusable = reuse_of(item) != 0;
        item->second_senders = true;
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
        item->second_senders = false;
    }
}

size_t waiting_at(const struct inherited *item)
{
    return queue_of(item->fd, item->inode, &item->key).length;
}

size_t queued(const struct inheritance *inheritance)
{
    size_t waiting = 0;

    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].claimed && inheritance->item[i].key.type != SOCK_DGRAM)
            waiting += waiting_at(&inheritance->item[i]);
    return waiting;
}

static void close_item(const struct inherited *item)
{
    close(item->fd);
    if (item->options != -1)
        close(item->options);
}

void release_one(struct inheritance *inheritance, size_t k)
{
    close_item(&inheritance->item[k]);
    inheritance->count--;
    for (; k < inheritance->count; k++)
        inheritance->item[k] = inheritance->item[k + 1];
}

void release(struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        close_item(&inheritance->item[i]);
    free(inheritance->item);
    *inheritance = (struct inheritance){NULL, 0};
}

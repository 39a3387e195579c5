/*
 * A program that is traced is asked nothing: what the library would do in its processes is done
 * from outside.
 */
#include "traced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/activation.h"
#include "helper/listeners/replacements.h"
#include "helper/processes/open_sockets.h"
#include "helper/trace/borrow.h"
#include "helper/trace/deafen.h"
#include "helper/trace/keep_files.h"
#include "helper/trace/trace.h"
#include "helper/trace/waiting.h"
#include "helper/trace/what_listens.h"
#include "preload/kernel/sockets.h"
#include "preload/wire/keys.h"
#include "preload/wire/messages.h"

/* Returns whether it has been collected. */
static bool collect_listener(struct generation *old, const struct open_socket *socket,
                             const struct bound *bound, collect_visitor collect)
{
    int fd = borrow_needed(socket->pid, socket->fd);
    struct message message;

    if (fd == -1 && errno != EBADF && errno != ESRCH)
        fail_upgrade(generations,
                     "process %d of generation %u does not let its listener be taken: %s",
                     socket->pid, old->number, strerror(errno));
    if (fd == -1)
        return false;
    if ((!is_listener(fd) && bound->key.type != SOCK_DGRAM) || socket_inode(fd) != bound->inode) {
        close(fd);
        return false;
    }
    message = message_of_kind(MESSAGE_LISTENER, old->number);
    message.inode = bound->inode;
    message.key = bound->key;
    if (message.key.family == AF_UNIX) /* by its file, which may have been renamed: inherit() */
        listener_key_of(fd, NULL, 0, &message.key);
    message.position = bound->order;
    message.status_flags = fcntl(fd, F_GETFL);
    collect(old, socket->pid, &message, fd);
    return true;
}

/* Of each process once: it may hold a listener under many numbers. They come process by process. */
static void collect_sockets(struct generation *old, const struct open_socket *sockets, size_t count,
                            collect_visitor collect)
{
    for (size_t i = 0; i < old->trace->bound_count; i++)
        old->trace->bound[i].collected_from = 0;
    for (size_t i = 0; i < count; i++) {
        struct bound *bound = find_bound(old->trace, sockets[i].inode);

        if (bound && bound->listens && bound->collected_from != sockets[i].pid &&
            collect_listener(old, &sockets[i], bound, collect))
            bound->collected_from = sockets[i].pid;
    }
}

/* Returns false where its upgrade has failed by that. */
static bool know_what_listens(struct generation *old)
{
    pid_t denied;
    int error = old->trace->stranger ? note_what_listens(old->trace, &denied) : 0;

    if (error)
        fail_upgrade(generations,
                     "process %d of generation %u does not let its listener be taken: %s", denied,
                     old->number, strerror(error));
    return error == 0;
}

void collect_from_traced(struct generation *old, collect_visitor collect)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;

    if (!old->trace || !know_what_listens(old))
        return;
    learn_how_it_waits(old->trace);
    if (list_sockets_of(old->number, &sockets, &count) != IS_THERE)
        fail_upgrade(generations, "the processes of generation %u cannot be looked into: %s",
                     old->number, strerror(errno));
    collect_sockets(old, sockets, count, collect);
    free(sockets);
}

void note_given_to_traced(struct generation *generation)
{
    for (size_t i = 0; generation->trace && i < generation->inheritance.count; i++) {
        const struct inherited *item = &generation->inheritance.item[i];

        if (is_activated(item->inode))
            note_bound(generation->trace, item->inode, &item->key)->listens = true;
    }
}

static bool is_at(const struct inheritance *inheritance, int fd)
{
    struct listener_key key;
    struct endpoint endpoint;

    if (listener_key_of(fd, NULL, 0, &key) == -1 || key.type != SOCK_STREAM || is_listener(fd))
        return false;
    endpoint = endpoint_of_key(&key);
    for (size_t i = 0; i < inheritance->count; i++) {
        struct endpoint listener = endpoint_of(&inheritance->item[i]);

        if (listener.port == endpoint.port)
            return true;
    }
    return false;
}

bool has_taken_client(const struct generation *generation)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    bool found = false;

    list_sockets_of(generation->number, &sockets, &count);
    for (size_t i = 0; i < count && !found; i++) {
        int fd = borrow_needed(sockets[i].pid, sockets[i].fd);

        found = fd != -1 && is_at(&generation->inheritance, fd);
        if (fd != -1)
            close(fd);
    }
    free(sockets);
    return found;
}

/* Who is busy with clients all the time is never seen waiting for one. */
bool traced_one_waits(struct generation *generation)
{
    enum waiting waiting = generation->trace ? look_for_waiting(generation->trace) : NOBODY_WAITS;

    if (generation->trace && waiting == NOBODY_WAITS && has_taken_client(generation))
        waiting = SURELY_WAITS;
    generation->signs.surely |= waiting == SURELY_WAITS;
    return waiting != NOBODY_WAITS;
}

struct listeners {
    struct inherited **item;
    size_t count;
};

static void add_listener(struct listeners *listeners, struct inherited *item)
{
    // NOLINTNEXTLINE(bugprone-sizeof-expression): it is a list of pointers
    listeners->item = grow(listeners->item, listeners->count + 1, sizeof(struct inherited *));
    listeners->item[listeners->count++] = item;
}

static void add_all(struct listeners *listeners, struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++)
        add_listener(listeners, &inheritance->item[i]);
}

/* Once more at once: a process that forks has done so between our look and our hand. */
static pid_t retire_from(struct generation *old, const struct listeners *listeners)
{
    const int *replacements = open_replacements();

    if (!replacements || listeners->count == 0 ||
        !deafen_processes(old->trace, listeners->item, listeners->count, replacements))
        return 0;
    return deafen_processes(old->trace, listeners->item, listeners->count, replacements);
}

/* What its successor has not claimed is not in question yet: clients may come there. */
void retire_traced_for(struct generation *old, struct inheritance *inheritance)
{
    struct listeners listeners = {NULL, 0};

    for (size_t i = 0; i < inheritance->count; i++)
        if (inheritance->item[i].claimed)
            add_listener(&listeners, &inheritance->item[i]);
    if (old->trace)
        retire_from(old, &listeners);
    free(listeners.item);
}

/* Who waits for the old one to be gone has inherited already: see overlap.c. */
static struct generation *successor(void)
{
    return current ? current : generations;
}

pid_t retire_traced(struct generation *old, bool (*is_kept)(struct generation *old, uint64_t inode))
{
    struct listeners listeners = {NULL, 0};
    pid_t holding = 0;

    if (!old->trace)
        return 0;
    if (old != successor())
        add_all(&listeners, &successor()->inheritance);
    for (size_t i = 0; i < old->inheritance.count; i++)
        if (!is_kept(old, old->inheritance.item[i].inode))
            add_listener(&listeners, &old->inheritance.item[i]);
    holding = retire_from(old, &listeners);
    free(listeners.item);
    return holding;
}

pid_t give_back_to_traced(struct generation *old, struct inheritance *inheritance)
{
    struct listeners listeners = {NULL, 0};
    pid_t left;

    if (!old->trace || !is_deafened(old->trace))
        return 0;
    add_all(&listeners, inheritance);
    left = undeafen_processes(old->trace, listeners.item, listeners.count);
    log_line(LEVEL_DEBUG, "generation %u: its numbers lead to its listeners again%s", old->number,
             left ? ", but for some" : "");
    free(listeners.item);
    return left;
}

void keep_files_of_stranger(struct generation *old)
{
    if (old->stranger)
        have_files_kept(old->trace);
}

void rearm_traced(struct generation *generation)
{
    struct listeners listeners = {NULL, 0};

    if (!generation->trace)
        return;
    add_all(&listeners, &generation->inheritance);
    rearm_processes(generation->trace, listeners.item, listeners.count);
    free(listeners.item);
}

static bool hangs(const struct generation *generation, const struct inherited *item)
{
    const struct bound *bound = find_bound(generation->trace, item->inode);

    return item->key.family != AF_UNIX && item->key.type == SOCK_STREAM && bound && bound->polled &&
           !(fcntl(item->fd, F_GETFL) & O_NONBLOCK) && waiting_at(item) == 0 &&
           is_in_accept(generation->trace, item->inode);
}

void call_traced_out_of_accept(struct generation *generation)
{
    for (size_t i = 0; generation->trace && i < generation->inheritance.count; i++)
        if (hangs(generation, &generation->inheritance.item[i]))
            call_and_hang_up(generation->inheritance.item[i].fd);
}

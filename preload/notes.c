/*
 * Notes are hints beside the kernel's truth, found by inode: a stale one, of a
 * socket long closed, matches nothing and is written over when room is short.
 */
#include "notes.h"

#include <sched.h>

#include "descriptors.h"
#include "kernel.h"
#include "process.h"

enum { NOTES = 256 };

static struct note notes[NOTES];
static atomic_uint taken;

struct note *find_note(ino_t inode)
{
    for (unsigned i = 0; inode != 0 && i < NOTES; i++)
        if (atomic_load_explicit(&notes[i].inode, memory_order_acquire) == inode)
            return &notes[i];
    return NULL;
}

bool is_inheritable(int family)
{
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

static bool is_connected(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    return kernel_getpeername(fd, &peer, &length) == 0;
}

bool may_serve_datagrams(int fd)
{
    return socket_option(fd, SO_TYPE) == SOCK_DGRAM && !is_connected(fd) &&
           is_inheritable(socket_option(fd, SO_DOMAIN));
}

bool serves_clients(int fd)
{
    const struct note *note = find_note(socket_inode(fd));

    if (is_listener(fd))
        return !note || !note->private;
    return note && note->datagram && !is_connected(fd);
}

bool want_service_sockets(int fd, ino_t inode, void *argument)
{
    (void)inode;
    (void)argument;
    return serves_clients(fd) && is_inheritable(socket_option(fd, SO_DOMAIN));
}

void for_each_note(void (*visit)(struct note *note, void *argument), void *argument)
{
    for (unsigned i = 0; i < NOTES; i++)
        if (atomic_load_explicit(&notes[i].inode, memory_order_acquire) != 0)
            visit(&notes[i], argument);
}

bool have_notes(void)
{
    return atomic_load_explicit(&taken, memory_order_relaxed) != 0;
}

static bool is_stale(const struct note *note)
{
    return note->inode == 0 || socket_inode(note->fd) != note->inode;
}

/* The first free or stale place; where there is none, the oldest note gives way. */
static struct note *place_for_note(void)
{
    struct note *oldest = &notes[0];

    for (unsigned i = 0; i < NOTES; i++) {
        if (is_stale(&notes[i]))
            return &notes[i];
        if (notes[i].order < oldest->order)
            oldest = &notes[i];
    }
    return oldest;
}

struct note *take_note(int fd, const struct listener_key *key)
{
    struct own_state *own = own_state();
    ino_t inode = socket_inode(fd);
    struct note *note;

    if (!own || inode == 0)
        return NULL;
    while (atomic_flag_test_and_set(&own->notes_lock))
        sched_yield();
    note = find_note(inode);
    if (!note) {
        note = place_for_note();
        atomic_store_explicit(&note->inode, 0, memory_order_release);
        note->private = note->datagram = note->adopted = note->unlistened = note->wants_blocking =
            note->undecided = note->polled = note->collected = false;
        note->status_flags = 0;
        note->order = atomic_fetch_add(&taken, 1) + 1;
    }
    note->fd = fd;
    note->key = *key;
    atomic_store_explicit(&note->inode, inode, memory_order_release);
    atomic_flag_clear(&own->notes_lock);
    return note;
}

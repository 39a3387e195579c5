/*
 * Notes are hints beside the kernel's truth, found by inode: a stale one, of a
 * socket long closed, matches nothing and is written over when room is short.
 */
#include "notes.h"

#include <sched.h>

#include "descriptors.h"
#include "kernel.h"
#include "process.h"
#include "procfs.h"

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

/* A socket may have got another number, as daemons do with F_DUPFD. */
static bool follow_number(int fd, void *argument)
{
    struct note *note = find_note(socket_inode(fd));

    (void)argument;
    if (note)
        note->fd = fd;
    return true;
}

static void drop_stale_notes(void)
{
    int proc = open_proc_self();

    for_each_number(proc, "fd", follow_number, NULL);
    kernel_close(proc);
    for (unsigned i = 0; i < NOTES; i++)
        if (socket_inode(notes[i].fd) != notes[i].inode)
            atomic_store_explicit(&notes[i].inode, 0, memory_order_release);
}

/* The first free place; where there is none, the oldest note gives way. */
static struct note *find_place(void)
{
    struct note *oldest = &notes[0];

    for (unsigned i = 0; i < NOTES && oldest->inode != 0; i++)
        if (notes[i].inode == 0 || notes[i].order < oldest->order)
            oldest = &notes[i];
    return oldest;
}

/*
 * Which notes are stale is a walk through /proc, so it is asked only where room
 * is short, or where one of them may be what keeps every wait looked at.
 */
static struct note *place_for_note(void)
{
    if (find_place()->inode != 0 || attends(ATTENTION_ADOPTED | ATTENTION_UNLISTENED))
        drop_stale_notes();
    return find_place();
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

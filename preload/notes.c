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

/* How many places are made when more are needed. They stay: a handler may be reading them. */
enum { PLACES_AT_ONCE = 64 };

static struct note *_Atomic notes;
static atomic_uint taken;

static struct note *first_note(void)
{
    return atomic_load_explicit(&notes, memory_order_acquire);
}

struct note *find_note(ino_t inode)
{
    if (inode != 0)
        for (struct note *note = first_note(); note; note = note->next)
            if (atomic_load_explicit(&note->inode, memory_order_acquire) == inode)
                return note;
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
    for (struct note *note = first_note(); note; note = note->next)
        if (atomic_load_explicit(&note->inode, memory_order_acquire) != 0)
            visit(note, argument);
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
    for (struct note *note = first_note(); note; note = note->next)
        if (note->inode != 0 && socket_inode(note->fd) != note->inode)
            atomic_store_explicit(&note->inode, 0, memory_order_release);
}

static struct note *find_free_place(void)
{
    for (struct note *note = first_note(); note; note = note->next)
        if (note->inode == 0)
            return note;
    return NULL;
}

static struct note *make_places(void)
{
    struct note *place = kernel_map(PLACES_AT_ONCE * sizeof *place);

    if (!place)
        return NULL;
    for (unsigned i = 0; i < PLACES_AT_ONCE; i++)
        place[i].next = i + 1 < PLACES_AT_ONCE ? &place[i + 1] : first_note();
    atomic_store_explicit(&notes, place, memory_order_release);
    return place;
}

/*
 * Which notes are stale is a walk through /proc, so it is asked only where room
 * is short, or where one of them may be what keeps every wait looked at.
 */
static struct note *place_for_note(void)
{
    struct note *place = find_free_place();

    if (!place || attends(ATTENTION_ADOPTED | ATTENTION_UNLISTENED)) {
        drop_stale_notes();
        place = find_free_place();
    }
    return place ? place : make_places();
}

static struct note *new_note(void)
{
    struct note *note = place_for_note();

    if (!note)
        return NULL;
    note->private = note->datagram = note->adopted = note->unlistened = note->wants_blocking =
        note->undecided = note->polled = note->collected = false;
    note->status_flags = 0;
    note->order = atomic_fetch_add(&taken, 1) + 1;
    return note;
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
    if (!note)
        note = new_note();
    if (note) {
        note->fd = fd;
        note->key = *key;
        atomic_store_explicit(&note->inode, inode, memory_order_release);
    }
    atomic_flag_clear(&own->notes_lock);
    return note;
}

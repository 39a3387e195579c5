/*
 * Notes are hints beside the kernel's truth, found by inode: a stale one, of a
 * socket long closed, matches nothing and is written over when room is short.
 */
#include "notes.h"

#include <sched.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/procfs.h"
#include "preload/kernel/sockets.h"
#include "preload/wire/keys.h"
#include "proc_self.h"
#include "process.h"

/* How many places are made when more are needed. They stay: a handler may be reading them. */
enum { PLACES_AT_ONCE = 64 };

static struct note *_Atomic notes;
static atomic_uint taken;

/* Has there been a note on a datagram socket? Else no socket is looked at twice. */
static atomic_bool datagrams_served;

atomic_uint marked_numbers[MARKED_NUMBERS / MARKS_PER_WORD];

static void mark_number(int fd)
{
    if ((unsigned)fd < MARKED_NUMBERS)
        atomic_fetch_or(&marked_numbers[fd / MARKS_PER_WORD], 1u << fd % MARKS_PER_WORD);
}

void unmark_number(int fd)
{
    if ((unsigned)fd < MARKED_NUMBERS)
        atomic_fetch_and(&marked_numbers[fd / MARKS_PER_WORD], ~(1u << fd % MARKS_PER_WORD));
}

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

/* The type and the family that fd has to have: is it so? */
static enum want is_datagram_socket(int fd)
{
    int type = socket_option(fd, SO_TYPE);

    return type == -1 ? CANNOT_TELL : type == SOCK_DGRAM ? WANTED : NOT_WANTED;
}

static enum want is_of_service(int fd)
{
    int family = socket_option(fd, SO_DOMAIN);

    return family == -1 ? CANNOT_TELL : is_inheritable(family) ? WANTED : NOT_WANTED;
}

enum want want_service_sockets(int fd, bool listens, void *argument)
{
    enum want datagram = listens || !datagrams_served ? NOT_WANTED : is_datagram_socket(fd);
    const struct note *note;
    ino_t inode;

    (void)argument;
    if (!listens && datagram != WANTED)
        return datagram;
    inode = socket_inode(fd);
    if (inode == 0)
        return CANNOT_TELL;
    note = find_note(inode);
    if (listens ? note && note->private : !note || !note->datagram || is_connected(fd))
        return NOT_WANTED;
    return is_of_service(fd);
}

bool serves_datagrams(void)
{
    return datagrams_served;
}

void note_datagrams(struct note *note)
{
    datagrams_served = true;
    note->datagram = true;
}

void for_each_note(void (*visit)(struct note *note, void *argument), void *argument)
{
    for (struct note *note = first_note(); note; note = note->next)
        if (atomic_load_explicit(&note->inode, memory_order_acquire) != 0)
            visit(note, argument);
}

/* A socket may have got another number, as daemons do with F_DUPFD. */
static bool follow_number(int fd, void *argument)
{
    struct note *note = find_note(socket_inode(fd));

    (void)argument;
    if (note) {
        note->fd = fd;
        mark_number(fd);
    }
    return true;
}

/* Returns how many notes there are then. */
static unsigned drop_stale_notes(void)
{
    int proc = open_proc_self();
    bool looked = for_each_number(proc, "fd", follow_number, NULL) == 0;
    unsigned count = 0;

    kernel_close(proc);
    for (struct note *note = first_note(); note; note = note->next) {
        /* a number may be another one by now: nobody can say which notes are stale */
        if (looked && note->inode != 0 && socket_inode(note->fd) != note->inode)
            atomic_store_explicit(&note->inode, 0, memory_order_release);
        count += note->inode != 0;
    }
    return count;
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
 * is short, or where one of them may be what keeps every wait looked at; then after as many new
 * notes as there were at the last walk, since a program may adopt thousands in a row.
 */
static struct note *place_for_note(void)
{
    static unsigned walked_at;
    static unsigned walk_after;
    struct note *place = find_free_place();

    if (!place ||
        (attends(ATTENTION_ADOPTED | ATTENTION_UNLISTENED) && taken - walked_at >= walk_after)) {
        walk_after = drop_stale_notes();
        walked_at = taken;
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
    note->status_flags = note->backlog = 0;
    note->position = atomic_fetch_add(&taken, 1) + 1;
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
        mark_number(fd);
    }
    atomic_flag_clear(&own->notes_lock);
    return note;
}

struct note *note_socket(int fd)
{
    struct note *note = find_note(socket_inode(fd));
    struct listener_key key;

    if (note)
        return note;
    return listener_key_of(fd, NULL, 0, &key) == 0 ? take_note(fd, &key) : NULL;
}

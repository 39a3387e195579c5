/*
 * Notes are hints beside the kernel's truth, found by inode: a stale one, of a
 * socket long closed, matches nothing and is written over when room is short.
 */
#include "notes.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

#include "descriptors.h"
#include "kernel.h"
#include "process.h"

enum { NOTES = 256 };

static struct note notes[NOTES];
static atomic_uint taken;

static int int_option(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;

    return kernel_getsockopt(fd, level, name, &value, &length) == -1 ? 0 : value;
}

int listener_key_of(int fd, const struct sockaddr *address, socklen_t length,
                    struct listener_key *key)
{
    socklen_t device_length = sizeof key->device;

    memset(key, 0, sizeof *key);
    if (!address) {
        length = sizeof key->address;
        if (kernel_getsockname(fd, key->address, &length) == -1)
            return -1;
    } else if (length <= sizeof key->address) {
        memcpy(key->address, address, length);
    }
    if (length > sizeof key->address) {
        errno = EINVAL;
        return -1;
    }
    key->address_length = length;
    key->family = int_option(fd, SOL_SOCKET, SO_DOMAIN);
    key->type = int_option(fd, SOL_SOCKET, SO_TYPE);
    key->protocol = int_option(fd, SOL_SOCKET, SO_PROTOCOL);
    if (key->family == AF_INET6)
        key->v6only = int_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    else if (key->family == AF_INET) /* the rest of the structure is padding: ip(7) */
        memset(key->address + offsetof(struct sockaddr_in, sin_zero), 0,
               ADDRESS_LENGTH - offsetof(struct sockaddr_in, sin_zero));
    kernel_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, key->device, &device_length);
    return 0;
}

struct note *find_note(ino_t inode)
{
    for (unsigned i = 0; inode != 0 && i < NOTES; i++)
        if (atomic_load_explicit(&notes[i].inode, memory_order_acquire) == inode)
            return &notes[i];
    return NULL;
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
        note->adopted = note->undecided = note->polled = note->collected = false;
        note->status_flags = 0;
        note->order = atomic_fetch_add(&taken, 1) + 1;
    }
    note->fd = fd;
    note->key = *key;
    atomic_store_explicit(&note->inode, inode, memory_order_release);
    atomic_flag_clear(&own->notes_lock);
    return note;
}

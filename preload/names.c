/*
 * Names are only ever added, by a signal handler or by another thread at the
 * same time, and only read where the number still stands for the replacement.
 * The notes would not do: a listener may have several numbers.
 */
#include "names.h"

#include <errno.h>
#include <stdatomic.h>

#include "descriptors.h"
#include "kernel.h"
#include "process.h"
#include "program_memory.h"
#include "real.h"

struct name {
    _Atomic(ino_t) replacement; /* published last; 0: there is no name yet */
    int fd;
    socklen_t length;
    struct sockaddr_storage address;
};

enum { NAMES_AT_ONCE = 25 }; /* fill a page */

struct names {
    struct names *older;
    atomic_uint used;
    struct name name[NAMES_AT_ONCE];
};

static struct names *_Atomic latest;

static struct name *place_for_name(void)
{
    struct names *names = latest;
    unsigned place = names ? atomic_fetch_add(&names->used, 1) : NAMES_AT_ONCE;

    if (place < NAMES_AT_ONCE)
        return &names->name[place];
    names = kernel_map(sizeof *names);
    if (!names)
        return NULL;
    names->used = 1;
    names->older = latest;
    while (!atomic_compare_exchange_weak(&latest, &names->older, names))
        ;
    return &names->name[0];
}

void keep_name(int fd, int replacement)
{
    struct name *name = place_for_name();

    if (!name)
        return;
    name->fd = fd;
    name->length = sizeof name->address;
    if (kernel_getsockname(fd, &name->address, &name->length) == 0)
        name->replacement = socket_inode(replacement);
}

static const struct name *find_name(int fd)
{
    for (const struct names *names = latest; names; names = names->older)
        for (unsigned i = 0; i < NAMES_AT_ONCE; i++) {
            const struct name *name = &names->name[i];

            if (name->replacement != 0 && name->fd == fd && socket_inode(fd) == name->replacement)
                return name;
        }
    return NULL;
}

/* The length that is returned is the address's, whatever there was room for: getsockname(2). */
static int tell_name(const struct name *name, struct sockaddr *address, socklen_t *length)
{
    int room;

    if (!read_program_memory(&room, length, sizeof room))
        return EFAULT;
    if (room < 0)
        return EINVAL;
    if ((socklen_t)room > name->length)
        room = (int)name->length;
    if ((room > 0 && !write_program_memory(address, &name->address, (size_t)room)) ||
        !write_program_memory(length, &name->length, sizeof name->length))
        return EFAULT;
    return 0;
}

int name_of_socket(int fd, struct sockaddr *address, socklen_t *length)
{
    int saved = errno;
    const struct name *name = latest && session.active ? find_name(fd) : NULL;
    int error;

    errno = saved;
    if (!name)
        return real()->getsockname(fd, address, length);
    error = tell_name(name, address, length);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

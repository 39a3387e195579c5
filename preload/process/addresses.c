/*
 * Addresses are only ever added, by a signal handler or by another thread at the
 * same time, and only read where the number still stands for the replacement.
 * The notes would not do: a listener may have several numbers.
 */
#include "addresses.h"

#include <errno.h>
#include <stdatomic.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "process.h"

struct kept_address {
    _Atomic(ino_t) replacement; /* published last; 0: there is no address yet */
    int fd;
    ino_t replaced; /* the socket that stood behind the number */
    socklen_t length;
    struct sockaddr_storage address;
};

enum { ADDRESSES_AT_ONCE = 25 }; /* fill a page */

struct kept_addresses {
    struct kept_addresses *older;
    atomic_uint used;
    struct kept_address item[ADDRESSES_AT_ONCE];
};

static struct kept_addresses *_Atomic latest;

static struct kept_address *place_for_address(void)
{
    struct kept_addresses *addresses = latest;
    unsigned place = addresses ? atomic_fetch_add(&addresses->used, 1) : ADDRESSES_AT_ONCE;

    if (place < ADDRESSES_AT_ONCE)
        return &addresses->item[place];
    addresses = kernel_map(sizeof *addresses);
    if (!addresses)
        return NULL;
    addresses->used = 1;
    addresses->older = latest;
    while (!atomic_compare_exchange_weak(&latest, &addresses->older, addresses))
        ;
    return &addresses->item[0];
}

void keep_address(int fd, int replacement)
{
    struct kept_address *kept = place_for_address();

    if (!kept)
        return;
    kept->fd = fd;
    kept->replaced = socket_inode(fd);
    kept->length = sizeof kept->address;
    if (kernel_getsockname(fd, &kept->address, &kept->length) == 0)
        kept->replacement = socket_inode(replacement);
}

static const struct kept_address *find_address(int fd)
{
    for (const struct kept_addresses *addresses = latest; addresses; addresses = addresses->older)
        for (unsigned i = 0; i < ADDRESSES_AT_ONCE; i++) {
            const struct kept_address *kept = &addresses->item[i];

            if (kept->replacement != 0 && kept->fd == fd && socket_inode(fd) == kept->replacement)
                return kept;
        }
    return NULL;
}

ino_t replaced_socket(int fd)
{
    const struct kept_address *kept = find_address(fd);

    return kept ? kept->replaced : 0;
}

/* The length that is returned is the address's, whatever there was room for: getsockname(2). */
static int tell_address(const struct kept_address *kept, struct sockaddr *address,
                        socklen_t *length)
{
    int room;

    if (!read_program_memory(&room, length, sizeof room))
        return EFAULT;
    if (room < 0)
        return EINVAL;
    if ((socklen_t)room > kept->length)
        room = (int)kept->length;
    if ((room > 0 && !write_program_memory(address, &kept->address, (size_t)room)) ||
        !write_program_memory(length, &kept->length, sizeof kept->length))
        return EFAULT;
    return 0;
}

int address_of_socket(int fd, struct sockaddr *address, socklen_t *length)
{
    int saved = errno;
    const struct kept_address *kept = latest && session.active ? find_address(fd) : NULL;
    int error;

    errno = saved;
    if (!kept)
        return real()->getsockname(fd, address, length);
    error = tell_address(kept, address, length);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

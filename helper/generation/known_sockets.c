/*
 * A socket stays what it is: one that did not come in at an endpoint never
 * will have. So what one process says of a socket holds for all that share it.
 */
#include "known_sockets.h"

#include <stdlib.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"

/* For the memory's sake: a process may say what it likes. */
enum { MOST_SOCKETS = 1 << 18 };

void add_known(struct known_sockets *sockets, struct known_socket socket)
{
    if (sockets->count == MOST_SOCKETS)
        return;
    socket.said = now();
    sockets->item = grow(sockets->item, sockets->count + 1, sizeof *sockets->item);
    sockets->item[sockets->count++] = socket;
}

static int compare_inodes(const void *one, const void *other)
{
    const struct known_socket *a = one;
    const struct known_socket *b = other;

    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static int compare(const void *one, const void *other)
{
    const struct known_socket *a = one;
    const struct known_socket *b = other;
    int order = compare_inodes(one, other);

    return order ? order : a->said < b->said ? -1 : a->said > b->said;
}

void tidy_known(struct known_sockets *sockets)
{
    size_t kept = 0;

    if (sockets->sorted == sockets->count)
        return;
    qsort(sockets->item, sockets->count, sizeof *sockets->item, compare);
    for (size_t i = 0; i < sockets->count; i++) {
        struct known_socket *before = kept > 0 ? &sockets->item[kept - 1] : NULL;
        struct known_socket next = sockets->item[i];

        if (before && before->inode == next.inode) {
            next.doubted |= before->doubted;
            next.ended |= before->ended;
            next.seen |= before->seen;
            kept--;
        }
        sockets->item[kept++] = next;
    }
    sockets->count = sockets->sorted = kept;
}

size_t count_up_to(const struct known_sockets *sockets, unsigned long long inode)
{
    size_t count = 0;

    while (count < sockets->sorted && sockets->item[count].inode <= inode)
        count++;
    return count;
}

struct known_socket *find_known(const struct known_sockets *sockets, unsigned long long inode)
{
    struct known_socket key = {.inode = inode};

    if (sockets->sorted == 0)
        return NULL;
    return bsearch(&key, sockets->item, sockets->sorted, sizeof key, compare_inodes);
}

bool is_decided(const struct known_sockets *sockets, unsigned long long inode)
{
    const struct known_socket *known = find_known(sockets, inode);

    return known && known->kind != UNDECIDED;
}

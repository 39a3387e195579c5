#include "look.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/processes/family.h"

static int compare_sockets(const void *one, const void *other)
{
    const struct open_socket *a = one;
    const struct open_socket *b = other;

    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

struct look look_into_processes(struct generation *generation)
{
    const struct family *family = look_at_family();
    struct look look = {.generation = generation, .diag = -1, .error = family->error};

    for (size_t i = 0; i < family->count; i++) {
        pid_t pid = family->member[i].pid;

        if (family->member[i].generation != generation->number ||
            list_sockets(pid, &look.held, &look.held_count) != CANNOT_TELL)
            continue;
        if (!is_denied(errno)) {
            look.error = errno;
            continue;
        }
        look.blind = grow(look.blind, look.blind_count + 1, sizeof *look.blind);
        look.blind[look.blind_count++] = pid;
    }
    if (look.held_count > 0)
        qsort(look.held, look.held_count, sizeof *look.held, compare_sockets);
    return look;
}

void end_look(struct look *look)
{
    free(look->held);
    free(look->blind);
    if (look->diag != -1)
        close(look->diag);
}

const struct open_socket *find_held(const struct look *look, unsigned long long inode)
{
    struct open_socket key = {.inode = inode};
    const struct open_socket *found = NULL;

    if (look->held_count > 0)
        found = bsearch(&key, look->held, look->held_count, sizeof key, compare_sockets);
    while (found && found > look->held && found[-1].inode == inode)
        found--;
    return found;
}

#include "open_sockets.h"

#include <errno.h>
#include <stdlib.h>

#include "family.h"
#include "helper/kernel/procfile.h"

enum lookup list_sockets_of(unsigned generation, struct open_socket **sockets, size_t *count)
{
    const struct family *family = look_at_family();
    int error = family->error;

    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation &&
            list_sockets(family->member[i].pid, sockets, count) == CANNOT_TELL &&
            (error == 0 || is_denied(error)))
            error = errno;
    errno = error;
    return error ? CANNOT_TELL : IS_THERE;
}

enum lookup find_holder(unsigned generation, uint64_t inode)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    enum lookup held = list_sockets_of(generation, &sockets, &count);
    int error = errno;

    if (held == IS_THERE)
        held = IS_GONE;
    for (size_t i = 0; i < count; i++)
        if (sockets[i].inode == inode)
            held = IS_THERE;
    free(sockets);
    errno = error;
    return held;
}

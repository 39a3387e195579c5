/*
 * A generation may remove its own path, and a stale one. Not the one that it is
 * about to inherit (it unlinks before it binds), nor one that its successor
 * has inherited from it (it unlinks when it ends).
 */
#include "unlink.h"

#include <string.h>

#include "helper/generation/generation.h"
#include "helper/kernel/socket_file.h"
#include "helper/kernel/unix_sockets.h"
#include "helper/processes/open_sockets.h"
#include "preload/wire/keys.h"

/* While an upgrade lasts, the helper itself holds what is inherited. */
static const struct inherited *find_in_inheritances(uint64_t inode, bool unfinished)
{
    for (struct generation *g = generations; g; g = g->older) {
        const struct inherited *item = find_inherited(&g->inheritance, inode);

        if (item && !(unfinished && g->finished))
            return item;
    }
    return NULL;
}

/* Is this another name than that by which clients find the socket, made with link(2)? */
static bool is_spare_name(const char *name, const struct unix_socket *socket, pid_t pid)
{
    const struct inherited *item = find_in_inheritances(socket->inode, false);
    struct socket_file file;

    return name[0] && find_socket_file(socket, pid, item ? item->path : NULL, &file) &&
           strcmp(last_name(file.path), name) != 0;
}

bool may_unlink(const struct generation *generation, const struct listener_key *key, pid_t pid)
{
    struct file_identity file = identity_of(key);
    struct unix_socket socket;

    switch (find_unix_socket_of_file(file.device, file.inode, pid, &socket)) {
    case IS_GONE:
        return true;
    case CANNOT_TELL: /* a file too many can be removed by hand */
        return false;
    case IS_THERE:
        break;
    }
    if (is_spare_name(file.name, &socket, pid))
        return true;
    if (find_in_inheritances(socket.inode, true))
        return false;
    return !current || generation == current || is_inheriting(generation->state) ||
           find_holder(current->number, socket.inode) == IS_GONE;
}

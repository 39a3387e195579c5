/*
 * A generation may remove its own path, and a stale one. Not the one that it is
 * about to inherit (it unlinks before it binds), nor one that its successor
 * has inherited from it (it unlinks when it ends).
 */
#include "unlink.h"

#include <string.h>

#include "../preload/protocol.h"
#include "family.h"
#include "generation.h"
#include "unix_sockets.h"

/* While an upgrade lasts, the helper itself holds what is inherited. */
static bool is_being_inherited(uint64_t inode)
{
    for (struct generation *g = generations; g; g = g->older)
        if (find_inherited(&g->inheritance, inode))
            return true;
    return false;
}

bool may_unlink(const struct generation *generation, const struct listener_key *key, pid_t pid)
{
    uint64_t identity[2];
    struct unix_socket socket;

    memcpy(identity, key->address + 8, sizeof identity);
    if (!find_unix_socket_of_file(identity[0], identity[1], pid, &socket))
        return true;
    if (is_being_inherited(socket.inode))
        return false;
    return !current || generation->number >= current->number ||
           !is_held_by(current->number, socket.inode);
}

bool is_of_successor(const struct generation *generation, pid_t pid)
{
    const struct member *member;

    look_at_family();
    member = find_member(pid);
    return member && member->generation > generation->number;
}

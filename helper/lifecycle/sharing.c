/*
 * The current generation may do to its listeners what it likes, unless a
 * successor is about to have them; every other one may not while the current one
 * has them.
 */
#include "sharing.h"

#include "helper/generation/generation.h"
#include "helper/processes/open_sockets.h"

bool may_shut_down(const struct generation *generation, uint64_t inode)
{
    if (is_inheriting(generations->state) && find_inherited(&generations->inheritance, inode))
        return false;
    return !current || generation == current || find_holder(current->number, inode) == IS_GONE;
}

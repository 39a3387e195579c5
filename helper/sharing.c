/*
 * The current generation may do to its listeners what it likes, unless a
 * successor is about to have them; every other one may not while the current one
 * has them.
 */
#include "sharing.h"

#include "family.h"
#include "generation.h"

bool may_shut_down(const struct generation *generation, uint64_t inode)
{
    if (generations->state < READY && find_inherited(&generations->inheritance, inode))
        return false;
    return !current || generation == current || !is_held_by(current->number, inode);
}

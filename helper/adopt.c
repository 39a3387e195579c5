#include "adopt.h"

#include <string.h>

#include "activation.h"
#include "family.h"
#include "generation.h"
#include "log.h"

/* Only a generation on its way to being ready inherits; later, bind() means what it says. */
static bool may_adopt(const struct generation *generation)
{
    return generation->state == STARTING || generation->state == SETTLING;
}

/*
 * A program may bind, close and bind again. Then its first claim is void; as
 * long as the first socket is open, the second bind fails as it would.
 */
static struct inherited *claim_again(struct generation *generation, const struct listener_key *key)
{
    for (size_t i = 0; i < generation->inheritance.count; i++) {
        struct inherited *item = &generation->inheritance.item[i];

        if (memcmp(&item->key, key, sizeof *key) == 0 &&
            (is_activated(item->inode) || !is_held_by(generation->number, item->inode)))
            return item;
    }
    return NULL;
}

int adopt_listener(struct generation *generation, const struct listener_key *key)
{
    struct inherited *inherited = NULL;
    char address[ADDRESS_TEXT];

    if (may_adopt(generation))
        inherited = claim(&generation->inheritance, key);
    if (may_adopt(generation) && !inherited)
        inherited = claim_again(generation, key);
    if (!inherited)
        return -1;
    log_line(LEVEL_DEBUG, "generation %u: adopts %s", generation->number,
             address_text(inherited, address));
    return inherited->fd;
}

void listener_listens(struct generation *generation, uint64_t inode)
{
    struct inherited *inherited = find_inherited(&generation->inheritance, inode);

    if (!may_adopt(generation) || !inherited)
        return;
    inherited->listening = true;
    happen(generation, CLAIMED);
}

void listener_given_back(struct generation *generation, uint64_t inode)
{
    struct inherited *inherited = find_inherited(&generation->inheritance, inode);

    if (may_adopt(generation) && inherited)
        inherited->claimed = inherited->listening = false;
}

void claim_what_is_held(struct generation *generation)
{
    for (size_t i = 0; i < generation->inheritance.count; i++) {
        struct inherited *item = &generation->inheritance.item[i];

        if (!item->claimed && is_held_by(generation->number, item->inode))
            item->claimed = item->listening = true;
    }
}

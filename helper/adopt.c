#include "adopt.h"

#include "generation.h"
#include "log.h"

/* Only a generation on its way to being ready inherits; later, bind() means what it says. */
static bool may_adopt(const struct generation *generation)
{
    return generation->state == STARTING || generation->state == SETTLING;
}

int adopt_listener(struct generation *generation, const struct listener_key *key)
{
    struct inherited *inherited =
        may_adopt(generation) ? claim(&generation->inheritance, key) : NULL;
    char address[ADDRESS_TEXT];

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

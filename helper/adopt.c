#include "adopt.h"

#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "clock.h"
#include "family.h"
#include "generation.h"
#include "growing_set.h"
#include "log.h"
#include "procfile.h"

/* Only a generation on its way to being ready inherits; later, bind() means what it says. */
static bool may_adopt(const struct generation *generation)
{
    return generation->state == STARTING || generation->state == SETTLING;
}

/*
 * A program may bind, close and bind again. Then its first claim is void; as
 * long as the first socket is open, the second bind fails as it would. What has
 * never listened comes last: another process may have it in the answer that it
 * has not read yet.
 */
static struct inherited *claim_again(struct generation *generation, const struct listener_key *key)
{
    struct inherited *best = NULL;

    for (size_t i = 0; i < generation->inheritance.count; i++) {
        struct inherited *item = &generation->inheritance.item[i];

        if (memcmp(&item->key, key, sizeof *key) != 0 || (best && !item->listening) ||
            (!is_activated(item->inode) && is_held_by(generation->number, item->inode)))
            continue;
        if (item->listening)
            return item;
        best = item;
    }
    return best;
}

int adopt_listener(struct generation *generation, const struct listener_key *key)
{
    struct inherited *inherited = NULL;
    char address[ADDRESS_TEXT];

    if (may_adopt(generation))
        inherited = claim(&generation->inheritance, key);
    if (may_adopt(generation) && !inherited)
        inherited = claim_again(generation, key);
    if (!inherited) {
        if (current && may_adopt(generation))
            keep_to_inherited(&generation->inheritance, key);
        return -1;
    }
    inherited->claimed_at = now();
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

static bool is_among(const struct open_socket *sockets, size_t count, uint64_t inode)
{
    for (size_t i = 0; i < count; i++)
        if (sockets[i].inode == inode)
            return true;
    return false;
}

/* How long a process may need to read the answer that has its listener in it: nobody holds that. */
static const int64_t answer_time = SECOND;

static bool may_be_on_its_way(const struct inherited *item)
{
    return !item->listening && now() - item->claimed_at < answer_time;
}

/*
 * A socket may be bound only to try the address: hitch's master closes it, and
 * each worker, with SO_REUSEPORT, binds its own. Others close it before they
 * have called listen().
 */
void review_claims(struct generation *generation)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    bool all_seen = list_sockets_of(generation->number, &sockets, &count);

    for (size_t i = 0; i < generation->inheritance.count; i++) {
        struct inherited *item = &generation->inheritance.item[i];
        bool held = is_among(sockets, count, item->inode);

        if (!item->claimed && held)
            item->claimed = item->listening = true;
        else if (item->claimed && !held && all_seen && !may_be_on_its_way(item))
            item->claimed = item->listening = false;
    }
    free(sockets);
}

#include "adopt.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/activation.h"
#include "helper/listeners/growing_set.h"
#include "helper/processes/open_sockets.h"
#include "helper/processes/read_member.h"
#include "strays.h"

/* Those that may not be looked into say what they bind themselves, and are believed. */
static bool may_be_held(const struct generation *generation, uint64_t inode)
{
    enum lookup held = find_holder(generation->number, inode);

    return held == IS_THERE || (held == CANNOT_TELL && !is_denied(errno));
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
            (!is_activated(item->inode) && may_be_held(generation, item->inode)))
            continue;
        if (item->listening)
            return item;
        best = item;
    }
    return best;
}

/*
 * bind(2) would be refused to another user than the one that has bound the address, and a unix
 * socket's mode would not matter to who is handed the listener. The kernel keeps who has made a
 * socket. What root has made is for root and for the server itself, which may drop its privileges
 * before it binds; what a worker has made is for nobody else, unless the server itself held it: the
 * worker would go on to listen on it.
 */
static bool may_have(const struct generation *generation, const struct inherited *item,
                     const struct ucred *asker)
{
    bool is_heir =
        could_be_us(asker->uid) || (asker->pid == generation->first && !generation->exited);
    struct stat made;

    if (fstat(item->fd, &made) == -1)
        return false;
    return made.st_uid == asker->uid || (is_heir && (could_be_us(made.st_uid) || item->of_first));
}

/* All with one key have been made by one user, or the kernel would not have let them. */
static bool is_for_another(const struct generation *generation, const struct listener_key *key,
                           const struct ucred *asker)
{
    for (size_t i = 0; i < generation->inheritance.count; i++) {
        const struct inherited *item = &generation->inheritance.item[i];

        if (memcmp(&item->key, key, sizeof *key) == 0 && !may_have(generation, item, asker)) {
            log_line(LEVEL_DEBUG,
                     "generation %u: what process %d of uid %u binds is another user's",
                     generation->number, asker->pid, asker->uid);
            return true;
        }
    }
    return false;
}

static void bind_afresh(struct generation *generation, const struct listener_key *key)
{
    char why[PATH_MAX + 256];

    keep_to_inherited(&generation->inheritance, key);
    if (generation != current && is_stray_there(key, why, sizeof why))
        fail_upgrade(generation, "%s", why);
}

int adopt_listener(struct generation *generation, const struct listener_key *key,
                   const struct ucred *asker)
{
    struct inherited *inherited = NULL;
    char address[ADDRESS_TEXT];

    if (is_for_another(generation, key, asker))
        return -1;
    if (may_adopt(generation->state))
        inherited = claim(&generation->inheritance, key);
    if (may_adopt(generation->state) && !inherited)
        inherited = claim_again(generation, key);
    if (!inherited) {
        if (current && may_adopt(generation->state))
            bind_afresh(generation, key);
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

    if (!may_adopt(generation->state) || !inherited)
        return;
    inherited->listening = true;
    happen(generation, CLAIMED);
}

void listener_given_back(struct generation *generation, uint64_t inode)
{
    struct inherited *inherited = find_inherited(&generation->inheritance, inode);

    if (may_adopt(generation->state) && inherited)
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
bool review_claims(struct generation *generation)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    bool all_seen = list_sockets_of(generation->number, &sockets, &count) == IS_THERE;
    int error = errno;

    for (size_t i = 0; i < generation->inheritance.count; i++) {
        struct inherited *item = &generation->inheritance.item[i];
        bool held = is_among(sockets, count, item->inode);

        if (!item->claimed && held)
            item->claimed = item->listening = true;
        else if (item->claimed && !held && all_seen && !may_be_on_its_way(item))
            item->claimed = item->listening = false;
    }
    free(sockets);
    errno = error;
    return all_seen || is_denied(error);
}

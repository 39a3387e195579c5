/*
 * A generation knows of the others by what stands in files: a pid that was written by its
 * predecessor, or by its successor. Alone, it would find a process that is gone, or itself: it must
 * neither end the other one nor give up because of it.
 *
 * Only what is certain counts: whoever has but said itself to which generation it belongs must not
 * become untouchable by that.
 */
#include "sight.h"

#include <stdio.h>

#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/listeners/endpoints.h"
#include "helper/processes/belonging.h"
#include "helper/processes/family.h"
#include "helper/settings/settings.h"

static const struct member *find_certain_member(pid_t pid)
{
    const struct member *member = know_member(pid);

    return member && member->generation != 0 && !member->guessed ? member : NULL;
}

bool sees_process(struct generation *generation, pid_t peer, pid_t target)
{
    const struct member *member = find_certain_member(target);

    if (!member || member->generation == generation->number || !shares_pids(peer))
        return true;
    if (settings.alone == YES || member->generation > generation->number)
        return false;
    if (is_on_its_way(generation->state))
        snprintf(generation->obstacle, sizeof generation->obstacle,
                 "process %d lives, and TFPRELOAD_ALONE=no shows it", target);
    return true;
}

bool is_starting_after_another(const struct generation *generation)
{
    return is_on_its_way(generation->state) &&
           (current || generation->awaits || generation->restarts);
}

static const struct inherited *find_unclaimed(const struct inheritance *inheritance,
                                              const struct listener_key *key)
{
    for (size_t i = 0; i < inheritance->count; i++)
        if (!inheritance->item[i].claimed && comes_in_at(&inheritance->item[i], key))
            return &inheritance->item[i];
    return NULL;
}

bool leads_to_predecessor(struct generation *generation, const struct listener_key *key)
{
    const struct inherited *item = find_unclaimed(&generation->inheritance, key);
    char address[ADDRESS_TEXT];

    if (item && settings.alone == NO)
        snprintf(generation->obstacle, sizeof generation->obstacle,
                 "somebody answers at %.90s, and TFPRELOAD_ALONE=no lets it",
                 address_text(item, address));
    return item && settings.alone == YES;
}

bool is_served_by(const struct generation *generation, pid_t pid)
{
    const struct member *member;

    look_at_family();
    member = find_member(pid);
    return member && member->generation != generation->number &&
           (member->generation > generation->number ||
            (current && member->generation == current->number));
}

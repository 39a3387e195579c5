#include "belonging.h"

#include <stddef.h>
#include <unistd.h>

#include "family.h"
#include "first_processes.h"
#include "helper/kernel/procfile.h"

/*
 * The member that this process is, or the next above it: as the kernel says now, since a pid of the
 * last look may be somebody else's. NULL if there is none; `helper`: is the helper above it?
 */
static const struct member *find_member_above(pid_t pid, enum lookup *helper)
{
    const pid_t self = getpid();

    /* we may be pid 1 ourselves, whose parent is 0 */
    while (pid > 0 && pid != self) {
        const struct member *member = find_member(pid);
        struct proc_stat stat;

        if (member && is_still_there(member) == IS_THERE)
            return member;
        *helper = read_stat(pid, &stat);
        if (*helper != IS_THERE)
            return NULL;
        pid = stat.parent;
    }
    *helper = pid > 0 ? IS_THERE : IS_GONE;
    return NULL;
}

/* `helper` of the last look that was needed for it; not set where a member was found. */
static const struct member *look_for(pid_t pid, enum lookup *helper)
{
    const struct member *member = find_member_above(pid, helper);

    if (member ? member->generation != 0 && !member->guessed : *helper != IS_THERE)
        return member;
    look_at_family();
    return find_member_above(pid, helper);
}

const struct member *know_member(pid_t pid)
{
    enum lookup helper;

    return look_for(pid, &helper);
}

enum lookup look_for_member(pid_t pid)
{
    enum lookup helper = CANNOT_TELL;
    unsigned generation;

    if (is_first_of(pid, &generation) || look_for(pid, &helper))
        return IS_THERE;
    if (helper == IS_THERE) /* it is below us, and so missing in a look that was not complete */
        return latest_family()->error ? CANNOT_TELL : IS_GONE;
    return helper;
}

bool may_belong_to(pid_t pid, unsigned generation)
{
    const struct member *member;
    unsigned first_of;

    if (is_first_of(pid, &first_of))
        return first_of == generation;
    member = know_member(pid);
    return member && (member->generation == generation || (member->guessed && member->trusted));
}

bool is_of_another(pid_t pid, unsigned generation)
{
    const struct member *member;
    unsigned first_of;

    if (is_first_of(pid, &first_of))
        return first_of != generation;
    member = know_member(pid);
    return member && !member->guessed && member->generation != generation;
}

bool is_member(pid_t pid)
{
    return look_for_member(pid) == IS_THERE;
}

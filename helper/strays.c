/*
 * A static program below a shell, or one that was executed with an environment
 * of its own: it listens, and takes no orders. Only such processes are looked
 * into, and most of these have no socket at all.
 */
#include "strays.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../preload/protocol.h"
#include "family.h"
#include "generation.h"
#include "listeners.h"
#include "log.h"
#include "unfit.h"

struct search {
    struct inheritance *inheritance; /* NULL: whatever it listens on counts */
    bool found;
    char address[ADDRESS_TEXT];
};

/* That of another tfhelper: a CGI program may get LD_PRELOAD alone, and so a session of its own. */
static bool is_control_socket(const struct listener *listener)
{
    static const char start[] = "@" SOCKET_PREFIX;

    return strncmp(listener->address, start, sizeof start - 1) == 0;
}

static void note_stray(const struct listener *listener, void *argument)
{
    struct search *search = argument;

    /* a datagram socket may be a client's; and a service of its own may have been started below */
    if (listener->limit == -1 || is_control_socket(listener) ||
        (search->inheritance && find_inherited(search->inheritance, listener->inode)))
        return;
    search->found = true;
    snprintf(search->address, sizeof search->address, "%s", listener->address);
}

/* Why this process listens without us, or NULL; the program's name into `name`. */
static const char *why_stray(const struct member *member, struct search *search,
                             char name[PATH_MAX])
{
    if (member->takes_orders)
        return NULL;
    for_each_listener_of(member->pid, note_stray, search);
    return search->found ? why_unfit_process(member->pid, name) : NULL;
}

bool has_stray(const struct generation *generation, struct inheritance *inheritance, char *why,
               size_t size)
{
    const struct family *family = latest_family(); /* all have just been asked */

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];
        struct search search = {.inheritance = inheritance};
        char name[PATH_MAX];
        const char *unfit = NULL;

        if (member->generation == generation->number)
            unfit = why_stray(member, &search, name);
        if (!unfit)
            continue;
        snprintf(why, size, "process %d, %s, %s, so that its listener on %s cannot be inherited",
                 member->pid, name, unfit, search.address);
        return true;
    }
    return false;
}

void warn_of_strays(const struct generation *generation)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];
        struct search search = {.inheritance = NULL};
        char name[PATH_MAX];
        const char *unfit = NULL;

        if (member->generation == generation->number)
            unfit = why_stray(member, &search, name);
        if (unfit)
            warn_of_unfit_process(member->pid, name, unfit);
    }
}

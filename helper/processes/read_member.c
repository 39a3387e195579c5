#include "read_member.h"

#include <unistd.h>

#include "helper/kernel/procfile.h"
#include "preload/wire/protocol.h"

/* Those of a container, or of a unit, are the helper's as well, and let it do its work. */
static bool know_own_filters(unsigned *filters)
{
    static struct proc_status own;
    static bool known;

    if (!known)
        known = read_status(getpid(), &own) == IS_THERE;
    *filters = own.filters;
    return known;
}

bool could_be_us(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* False: it has ended since its other file was read. */
static bool read_handlers(pid_t pid, struct member *member)
{
    struct proc_status status;
    unsigned own_filters;
    enum lookup found = read_status(pid, &status);

    if (found == IS_GONE)
        return false;
    member->unread = found == CANNOT_TELL || !know_own_filters(&own_filters);
    if (member->unread)
        return true;
    member->trusted =
        could_be_us(status.real) && could_be_us(status.effective) && could_be_us(status.saved);
    member->takes_orders = status.caught >> (ORDER_SIGNAL - 1) & 1;
    member->sandboxed = status.filters > own_filters;
    return true;
}

enum lookup read_member(pid_t pid, struct member *member)
{
    struct proc_stat stat;
    enum lookup found = read_stat(pid, &stat);

    if (found != IS_THERE)
        return found;
    /* main() may have ended by pthread_exit(3), and its threads live on */
    if ((stat.state == 'Z' && stat.threads <= 1) || stat.state == 'X')
        return IS_GONE;
    member->parent = stat.parent;
    member->group = stat.group;
    member->started = stat.started;
    return read_handlers(pid, member) ? IS_THERE : IS_GONE;
}

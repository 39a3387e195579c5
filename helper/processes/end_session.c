/*
 * Nobody gets the orphans of the session any more: who loses its parent before it was seen cannot
 * be found. So all are stopped first, until a look at those who stand still finds nobody new; only
 * then is anybody told to end. What the server forks while it ends is seen by further looks.
 *
 * The port is wanted by whom a supervisor starts next. The stop signal has a server close its
 * listeners, and finish what it serves; five seconds are enough for that, or it would be in the
 * way.
 *
 * Nobody is signalled whom the kernel does not vouch for: by the roster and a start that is the
 * same still, or as a child of such a process.
 */
#include "end_session.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "children.h"
#include "deliver.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/kernel/procfile.h"
#include "helper/settings/settings.h"
#include "pid_index.h"
#include "read_member.h"
#include "roster.h"

static const int64_t longest_grace = 5 * SECOND;
static const int64_t kill_time = 30 * SECOND; /* for who sits in a call that nothing interrupts */
enum { MOST_LOOKS_AT_STOPPED = 100 };

struct remaining {
    struct member member;
    bool halted; /* it was sent SIGSTOP */
    bool told;   /* and the stop signal */
};

static struct remaining *remaining;
static size_t count;
static struct pid_index places;

static bool is_known(pid_t pid)
{
    return position_of(&places, pid) != NO_POSITION;
}

static void add(struct remaining one)
{
    remaining = grow(remaining, count + 1, sizeof *remaining);
    add_position(&places, one.member.pid, count);
    remaining[count++] = one;
}

static void add_from_roster(void)
{
    struct roster_entry entry;

    for (size_t i = 0; read_roster(i, &entry); i++) {
        struct remaining one = {.member = {.pid = entry.pid}};

        if (entry.pid > 0 && !is_known(entry.pid) &&
            read_member(entry.pid, &one.member) == IS_THERE && one.member.started == entry.started)
            add(one);
    }
}

/* The pid of a child may be somebody else's by now: then its parent is another one, too. */
static void add_child(pid_t parent, pid_t pid)
{
    struct remaining one = {.member = {.pid = pid}};

    if (!is_known(pid) && read_member(pid, &one.member) == IS_THERE && one.member.parent == parent)
        add(one);
}

/* By value: the array moves as it grows. */
static void add_children_of(struct member parent)
{
    pid_t *children = NULL;
    size_t child_count = 0;

    list_children(parent.pid, &children, &child_count);
    /* was it still the same process when it was read? */
    if (start_of(parent.pid) == parent.started)
        for (size_t i = 0; i < child_count; i++)
            add_child(parent.pid, children[i]);
    free(children);
}

/* False: it is gone. What cannot be looked at stays what it was. */
static bool is_still_there(struct member *member)
{
    struct member present = {.pid = member->pid};

    switch (read_member(member->pid, &present)) {
    case IS_GONE:
        return false;
    case IS_THERE:
        if (present.started != member->started)
            return false;
        *member = present;
        return true;
    case CANNOT_TELL:
        break;
    }
    return true;
}

/*
 * Who is left, and whom they have forked: children are added behind, and looked at in their turn.
 * Returns whether somebody is new.
 */
static bool look(void)
{
    const size_t before = count;
    size_t still;

    count = 0;
    empty_index(&places);
    for (size_t i = 0; i < before; i++)
        if (is_still_there(&remaining[i].member)) {
            remaining[count] = remaining[i];
            add_position(&places, remaining[count].member.pid, count);
            count++;
        }
    still = count;
    look_anew_for_children();
    for (size_t i = 0; i < count; i++)
        add_children_of(remaining[i].member);
    return count > still;
}

/* It does not run any more, and so does not fork. */
static bool stands_still(const struct member *member)
{
    struct proc_stat stat;

    return read_stat(member->pid, &stat) == IS_THERE &&
           (stat.state == 'T' || stat.state == 't' || stat.state == 'Z');
}

/* Whether all stood still already: then a look that finds nobody new has found everybody. */
static bool halt_all(void)
{
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        all = all && remaining[i].halted && stands_still(&remaining[i].member);
        if (!remaining[i].halted)
            remaining[i].halted = signal_member(&remaining[i].member, SIGSTOP);
    }
    return all;
}

static void halt(void)
{
    static const struct timespec moment = {0, MILLISECOND};

    for (int i = 0; i < MOST_LOOKS_AT_STOPPED; i++) {
        bool all = halt_all();

        if (!look() && all)
            return;
        nanosleep(&moment, NULL);
    }
}

static bool is_on_top(const struct member *member)
{
    return !is_known(member->parent);
}

/* As the helper would: those on top are told, and who loses its parent by that is told then. */
static void tell_to_stop(void)
{
    for (size_t i = 0; i < count; i++)
        if (!remaining[i].told && is_on_top(&remaining[i].member))
            remaining[i].told = signal_member(&remaining[i].member, settings.stop_signal);
}

static void let_go_on(void)
{
    for (size_t i = 0; i < count; i++) {
        signal_member(&remaining[i].member, SIGCONT);
        remaining[i].halted = false;
    }
}

static void wait_for_end(int64_t time)
{
    static const struct timespec pace = {0, 10 * MILLISECOND};
    const int64_t end = now() + time;

    while (count > 0 && now() < end) {
        nanosleep(&pace, NULL);
        look();
        tell_to_stop();
    }
}

static void kill_all(void)
{
    static const struct timespec pace = {0, 10 * MILLISECOND};
    const int64_t end = now() + kill_time;

    while (count > 0 && now() < end) {
        halt();
        for (size_t i = 0; i < count; i++)
            signal_member(&remaining[i].member, SIGKILL);
        nanosleep(&pace, NULL);
        look();
    }
}

void end_session(void)
{
    const int64_t grace =
        settings.stop_timeout < longest_grace ? settings.stop_timeout : longest_grace;

    add_from_roster();
    look();
    if (count == 0)
        return;
    log_to_syslog();
    log_line(LEVEL_ERROR,
             "the helper has been killed: it is the end of the service, and of %zu "
             "process%s",
             count, count == 1 ? "" : "es");
    halt();
    tell_to_stop();
    let_go_on();
    wait_for_end(grace);
    kill_all();
}

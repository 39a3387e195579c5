/*
 * The helper is a subreaper, so all that the server ever forked hangs below it,
 * whoever has died in between. Only that makes a process one of the server's:
 * what it says, and what its environment names, is a hint and never a proof.
 *
 * A process belongs to the generation of its parent; an orphan to the one that
 * it was last seen in. Of an orphan that was never seen, the kernel does not
 * tell any more who its parent was. Then it is asked: its environment, or itself
 * when it talks to us: then it has to know the secret of its generation, which
 * no process of another one has been given.
 *
 * After a hand-over the processes of the first generation are nobody's children.
 * Those that were below us before are known by pid and start, and so are theirs.
 * One that was missed then is looked for by its environment, and has to be
 * trusted; one that has dropped our uid before anybody saw it is lost to us.
 */
#include "family.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "first_processes.h"
#include "guard.h"
#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/kernel/procfile.h"
#include "preload/wire/protocol.h"
#include "read_member.h"
#include "roster.h"
#include "session.h"
#include "tools.h"

enum { MOST_LOOKS = 4, MOST_ASKED = 100 };

/* Has the first generation gone to the background? Then its processes are nobody's children. */
static bool handed_over;

/* The generation that lives on should the helper be killed, or 0. */
static unsigned spared;

/* When the helper was started, before any hand-over: no process of the server is older. */
static uint64_t session_started;

/* Two looks: the one being made, and the one before, which says what orphans were. */
static struct family looks[2];
static int latest;

/* What processes have said of themselves between looks: hints for orphans that were never seen. */
static struct {
    pid_t pid;
    uint64_t started;
    unsigned generation;
} * learned;
static size_t learned_count;
static struct pid_index learned_index;

static const struct member *find_in(const struct family *family, pid_t pid)
{
    ssize_t position = position_of(&family->index, pid);

    return position == NO_POSITION ? NULL : &family->member[position];
}

/* Is this process younger than the session, of our user, and not one of the kernel's threads? */
static bool may_be_ours(pid_t pid)
{
    struct member member = {0};

    return read_member(pid, &member) == IS_THERE && !member.unread && member.trusted &&
           member.started >= session_started && member.parent != 2;
}

/*
 * Read which generation the environment of a process names; 0 for none. Returns
 * the size of that environment: 0 of a process that is dead, or in the middle of
 * execve(), and -1 of one that we may not look into.
 */
static ssize_t read_generation(pid_t pid, unsigned *generation)
{
    size_t size;
    const char *text = read_proc_file(pid, "environ", &size);
    const char *session = text ? find_variable(text, size, SESSION_VARIABLE) : NULL;

    *generation = session ? generation_of_session(session) : 0;
    return text ? (ssize_t)size : -1;
}

/*
 * The generation of a process that may be anybody's, asked again while it
 * executes something, as often as `patience` says. Who may not be looked into is
 * not ours: one of ours that has changed its uid was seen before, or speaks.
 */
static unsigned generation_of_stranger(pid_t pid, int *patience)
{
    static const struct timespec moment = {0, MILLISECOND};
    unsigned generation;

    while (read_generation(pid, &generation) == 0 && *patience > 0 && may_be_ours(pid)) {
        --*patience;
        nanosleep(&moment, NULL);
    }
    return generation;
}

/*
 * An orphan that has reached us without having been seen before: a daemon on
 * its way to the background. If its environment does not tell (nginx writes
 * its title over it), it belongs to the youngest generation that has lost its
 * first process, unless it says otherwise later.
 */
static void take_orphan(struct member *orphan)
{
    orphan->guessed = !orphan->trusted;
    if (read_generation(orphan->pid, &orphan->generation) > 0 && orphan->generation != 0)
        return;
    orphan->generation = youngest_that_lost_its_first();
    orphan->guessed = true;
}

static bool has_said(struct member *member)
{
    ssize_t position = position_of(&learned_index, member->pid);

    if (position == NO_POSITION || learned[position].started != member->started)
        return false;
    member->generation = learned[position].generation;
    return true;
}

static void find_generation_of(struct member *member, const struct family *before,
                               const struct member *parent)
{
    const struct member *known = find_in(before, member->pid);

    if (known && (known->started != member->started || known->generation == 0))
        known = NULL;
    if (known && !known->guessed) {
        member->generation = known->generation;
    } else if (parent->generation != 0) {
        member->generation = parent->generation;
        member->guessed = parent->guessed;
    } else if (is_first_of(member->pid, &member->generation) || has_said(member)) {
        return;
    } else if (known) {
        member->generation = known->generation;
        member->guessed = true;
    } else {
        take_orphan(member);
    }
}

/* Somebody may be missing in this look. */
static void note_failure(struct family *family, int error)
{
    family->error = error;
}

static void add_member(struct family *family, struct member member)
{
    family->member = grow(family->member, family->count + 1, sizeof member);
    add_position(&family->index, member.pid, family->count);
    family->member[family->count++] = member;
}

/*
 * Read what is not known of `member` but its pid. What could not be read is what it was in the look
 * before. False if it is gone, or was not known before.
 */
static bool complete_member(struct family *family, const struct family *before,
                            struct member *member)
{
    const struct member *known = find_in(before, member->pid);
    unsigned generation = member->generation;

    switch (read_member(member->pid, member)) {
    case IS_GONE:
        return false;
    case CANNOT_TELL:
        if (is_denied(
                errno)) /* proc(5) hidepid: it has changed its uid, and is not for us to see */
            return false;
        note_failure(family, errno);
        if (known)
            *member = *known;
        return known;
    case IS_THERE:
        break;
    }
    if (member->unread) {
        note_failure(family, errno);
        if (known && known->started == member->started) {
            member->takes_orders = known->takes_orders;
            member->sandboxed = known->sandboxed;
        }
    }
    member->generation = generation;
    return true;
}

/* How many children of the present look turned out to be dead. */
static size_t dead_seen;

static void add_child(struct family *family, const struct family *before,
                      const struct member *parent, pid_t pid)
{
    struct member member = {.pid = pid};

    if (find_in(family, pid) || is_tool(pid) || is_guard(pid))
        return;
    if (!complete_member(family, before, &member)) {
        dead_seen++;
        return;
    }
    find_generation_of(&member, before, parent);
    add_member(family, member);
}

/* By value: the family moves as it grows. */
static void add_children_of(struct family *family, const struct family *before,
                            struct member parent)
{
    pid_t *children = NULL;
    size_t count = 0;

    if (list_children(parent.pid, &children, &count) == CANNOT_TELL)
        note_failure(family, errno);
    for (size_t i = 0; i < count; i++)
        add_child(family, before, &parent, children[i]);
    free(children);
}

enum lookup is_still_there(const struct member *known)
{
    struct member member = {0};
    enum lookup found = read_member(known->pid, &member);

    return found == IS_THERE && member.started != known->started ? IS_GONE : found;
}

/* A process of which the pid and the generation are known. */
static void add_process(struct family *family, const struct family *before, struct member member)
{
    if (!find_in(family, member.pid) && complete_member(family, before, &member))
        add_member(family, member);
}

static size_t count_in(const struct family *family, unsigned generation)
{
    size_t count = 0;

    for (size_t i = 0; i < family->count; i++)
        count += family->member[i].generation == generation;
    return count;
}

static void add_found(struct family *family, const struct family *before, pid_t pid)
{
    struct member member = {.pid = pid, .generation = FIRST_GENERATION};

    if (!find_in(family, pid) && complete_member(family, before, &member) && !member.unread &&
        member.trusted)
        add_member(family, member);
}

/*
 * After a hand-over, a process of the first generation that we have never seen
 * (the second fork of a daemon, while the first one ended) is found by its
 * environment. That of another user might have been given it by anybody, and is not even read:
 * where it is mapped from a file system that does not answer, whoever reads it hangs.
 */
static void search_everywhere(struct family *family, const struct family *before)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    int patience = MOST_ASKED;

    while (directory && (entry = readdir(directory))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && pid != getpid() && may_be_ours(pid) &&
            generation_of_stranger(pid, &patience) == FIRST_GENERATION)
            add_found(family, before, pid);
    }
    if (directory)
        closedir(directory);
    else
        note_failure(family, errno);
}

/* Whoever was there before, is not in this look, and is not known to be gone. */
static void keep_known(struct family *family, const struct family *before)
{
    for (size_t i = 0; i < before->count; i++)
        if (!find_in(family, before->member[i].pid) &&
            is_still_there(&before->member[i]) != IS_GONE)
            add_process(family, before, before->member[i]);
}

/*
 * proc(5) says of the list of children that some may be left out of it when others end while it is
 * read, and a server that forks for each client has always one that ends. Who spoke, and is below
 * us still, is there: its generation is the one whose secret it knew.
 */
static void keep_waiting(struct family *family, const struct family *before)
{
    for (size_t i = 0; i < first_process_count(); i++) {
        const struct first_process *first = first_process(i);
        struct member member = {.pid = first->waiting};

        if (member.pid && !find_in(family, member.pid) &&
            read_member(member.pid, &member) == IS_THERE && member.started == first->waiting_since)
            add_process(family, before,
                        (struct member){.pid = first->waiting, .generation = first->generation});
    }
}

static void keep_speakers(struct family *family, const struct family *before)
{
    for (size_t i = 0; i < learned_count; i++) {
        struct member member = {.pid = learned[i].pid};

        if (!find_in(family, member.pid) && read_member(member.pid, &member) == IS_THERE &&
            member.started == learned[i].started &&
            (member.parent == getpid() || find_in(family, member.parent)))
            add_process(family, before,
                        (struct member){.pid = member.pid, .generation = learned[i].generation});
    }
}

static void look_beyond_descendants(struct family *family, const struct family *before)
{
    keep_known(family, before);
    if (find_first_process(FIRST_GENERATION) && count_in(family, FIRST_GENERATION) == 0)
        search_everywhere(family, before);
}

const struct family *latest_family(void)
{
    return &looks[latest];
}

static void empty_family(struct family *family)
{
    family->count = 0;
    family->error = 0;
    empty_index(&family->index);
}

static void look_once(struct family *family, const struct family *before)
{
    empty_family(family);
    look_anew_for_children();
    add_children_of(family, before, (struct member){.pid = getpid()});
    if (handed_over)
        look_beyond_descendants(family, before);
    for (size_t i = 0; i < family->count; i++)
        add_children_of(family, before, family->member[i]);
    if (family->error)
        keep_known(family, before);
    keep_speakers(family, before);
    keep_waiting(family, before);
    for (size_t i = 0; i < family->count; i++) {
        const struct first_process *first = find_first_process(family->member[i].generation);

        family->member[i].takes_orders &= !first || !first->takes_no_orders;
    }
}

void expect_foreign_members(void)
{
    handed_over = true;
}

void spare_generation(unsigned generation)
{
    spared = generation;
}

bool are_foreign_members_expected(void)
{
    return handed_over;
}

uint64_t start_of_session(void)
{
    return session_started;
}

void begin_with_family(const struct member *members, size_t count, uint64_t started, bool foreign)
{
    handed_over = foreign;
    session_started = started;
    empty_family(&looks[latest]);
    for (size_t i = 0; i < count; i++)
        if (!find_in(&looks[latest], members[i].pid))
            add_member(&looks[latest], members[i]);
}

/* Without a child we have no descendant either: their orphans come to us. No look is needed. */
static bool is_childless(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD;
}

/*
 * The children of a process that has just ended hang elsewhere now, perhaps
 * where this look has been already: look again until nobody dies under our
 * eyes, or for so long that it is a server which forks all the time.
 */
const struct family *look_at_family(void)
{
    struct family *family = &looks[1 - latest];
    size_t dead_before = SIZE_MAX;
    struct member self = {0};

    if (session_started == 0 && read_member(getpid(), &self) == IS_THERE)
        session_started = self.started;
    dead_seen = 0;
    for (int i = 0; i < MOST_LOOKS && dead_seen != dead_before; i++) {
        dead_before = dead_seen;
        dead_seen = 0;
        look_once(family, &looks[latest]);
    }
    if (family->error && !handed_over && is_childless())
        empty_family(family);
    latest = 1 - latest;
    write_roster(family->member, family->count, spared);
    learned_count = 0; /* whoever spoke and still lives has been seen now */
    empty_index(&learned_index);
    return family;
}

const struct member *find_member(pid_t pid)
{
    return find_in(&looks[latest], pid);
}

size_t count_members(unsigned generation)
{
    return count_in(&looks[latest], generation);
}

bool has_no_members(unsigned generation)
{
    return looks[latest].error == 0 && count_members(generation) == 0;
}

/* It knows the secret of that generation: what was guessed of it, and of its children, is certain.
 */
static void end_guessing(pid_t pid, unsigned generation)
{
    struct family *family = &looks[latest];
    const struct member *member = find_in(family, pid);

    if (!member || !member->guessed || is_still_there(member) != IS_THERE)
        return;
    family->member[member - family->member].generation = generation;
    family->member[member - family->member].guessed = false;
}

void learn_member(pid_t pid, unsigned generation)
{
    struct proc_stat stat;

    end_guessing(pid, generation);
    if (position_of(&learned_index, pid) != NO_POSITION || read_stat(pid, &stat) != IS_THERE)
        return;
    add_position(&learned_index, pid, learned_count);
    learned = grow(learned, learned_count + 1, sizeof *learned);
    learned[learned_count].pid = pid;
    learned[learned_count].started = stat.started;
    learned[learned_count++].generation = generation;
}

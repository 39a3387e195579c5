/* The next look tells most of it again, but not to which generation an orphan belonged. */
#include "carry_family.h"

#include <stdlib.h>

#include "family.h"
#include "helper/base/carry.h"
#include "helper/base/memory.h"

/* More than a machine has processes: pid_max is 4194304 at most, proc(5). */
enum { MOST_MEMBERS = 1 << 22 };

static void carry_member(struct carrier *carrier, struct member *member)
{
    struct carried_number numbers[] = {
        {member->pid, 1, INT32_MAX},   {member->parent, 0, INT32_MAX},
        {member->group, 0, INT32_MAX}, {member->generation, 0, UINT32_MAX},
        {member->guessed, 0, 1},       {(int64_t)member->started, 0, INT64_MAX},
        {member->trusted, 0, 1},       {member->unread, 0, 1},
        {member->takes_orders, 0, 1},  {member->sandboxed, 0, 1},
    };

    carry_row(carrier, "member", numbers, sizeof numbers / sizeof *numbers);
    *member = (struct member){.pid = (pid_t)numbers[0].value,
                              .parent = (pid_t)numbers[1].value,
                              .group = (pid_t)numbers[2].value,
                              .generation = (unsigned)numbers[3].value,
                              .guessed = numbers[4].value != 0,
                              .started = (uint64_t)numbers[5].value,
                              .trusted = numbers[6].value != 0,
                              .unread = numbers[7].value != 0,
                              .takes_orders = numbers[8].value != 0,
                              .sandboxed = numbers[9].value != 0};
}

static void read_members(struct carrier *carrier, uint64_t started, bool foreign)
{
    size_t count = carry_count(carrier, "members", 0, MOST_MEMBERS);
    struct member *members = NULL;
    size_t read = 0;

    for (; read < count && !has_fault(carrier); read++) {
        members = grow(members, read + 1, sizeof *members);
        members[read] = (struct member){0};
        carry_member(carrier, &members[read]);
    }
    if (!has_fault(carrier))
        begin_with_family(members, read, started, foreign);
    if (!has_fault(carrier) && latest_family()->count != read)
        refuse_carried(carrier, "a process is there twice");
    free(members);
}

static void write_members(struct carrier *carrier, const struct family *family)
{
    carry_count(carrier, "members", family->count, MOST_MEMBERS);
    for (size_t i = 0; i < family->count; i++) {
        struct member member = family->member[i];

        carry_member(carrier, &member);
    }
}

void carry_family(struct carrier *carrier)
{
    int64_t started = carry_time(carrier, "session-started", (int64_t)start_of_session());
    bool foreign = carry_bool(carrier, "handed-over", are_foreign_members_expected());

    if (is_reading(carrier))
        read_members(carrier, (uint64_t)started, foreign);
    else
        write_members(carrier, latest_family());
}

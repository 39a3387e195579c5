/*
 * The helper may be killed while it writes. So it writes a list that is not read, and then, with
 * one store, has it be the one that is.
 */
#include "roster.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper/kernel/procfile.h"
#include "read_member.h"

/* Memory is taken for what is written alone. */
enum { MOST_ENTRIES = 16384, LISTS = 2 };

struct list {
    size_t count;
    struct roster_entry entry[MOST_ENTRIES];
};

static struct roster {
    atomic_bool closed;
    atomic_uint latest;           /* the list that is read */
    struct roster_entry executed; /* the process that was last about to execute the server */
    struct list list[LISTS];
} * roster;

int open_roster(void)
{
    void *memory = mmap(NULL, sizeof *roster, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return -1;
    roster = memory;
    return 0;
}

void write_roster(const struct member *member, size_t count, unsigned spared)
{
    struct list *list;
    unsigned next;

    if (!roster)
        return;
    next = (roster->latest + 1) % LISTS;
    list = &roster->list[next];
    list->count = 0;
    for (size_t i = 0; i < count && list->count < MOST_ENTRIES; i++)
        if (spared == 0 || member[i].generation != spared)
            list->entry[list->count++] = (struct roster_entry){member[i].pid, member[i].started};
    roster->latest = next;
}

bool enter_roster(void)
{
    roster->executed = (struct roster_entry){getpid(), start_of(getpid())};
    return roster->executed.started != 0;
}

void close_roster(void)
{
    if (roster)
        roster->closed = true;
}

bool is_roster_closed(void)
{
    return roster->closed;
}

bool read_roster(size_t k, struct roster_entry *entry)
{
    const struct list *list = &roster->list[roster->latest];

    if (k > list->count)
        return false;
    *entry = k < list->count ? list->entry[k] : roster->executed;
    return true;
}

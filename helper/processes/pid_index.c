/* A hash table with open addressing, at most half full. Pids follow one another: they need no hash.
 */
#include "pid_index.h"

#include <stdlib.h>
#include <string.h>

#include "helper/base/memory.h"

enum { FIRST_PLACES = 64 };

/* The place of this pid, or the free one where it belongs. */
static struct pid_place *place_of(const struct pid_index *index, pid_t pid)
{
    size_t at = (size_t)pid & (index->room - 1);

    while (index->place[at].pid != 0 && index->place[at].pid != pid)
        at = (at + 1) & (index->room - 1);
    return &index->place[at];
}

static void make_room(struct pid_index *index)
{
    const struct pid_index before = *index;

    index->room = before.room ? before.room * 2 : FIRST_PLACES;
    index->place = allocate(index->room, sizeof *index->place);
    for (size_t i = 0; i < before.room; i++)
        if (before.place[i].pid != 0)
            *place_of(index, before.place[i].pid) = before.place[i];
    free(before.place);
}

void add_position(struct pid_index *index, pid_t pid, size_t position)
{
    struct pid_place *place;

    if (index->count * 2 >= index->room)
        make_room(index);
    place = place_of(index, pid);
    index->count += place->pid == 0;
    *place = (struct pid_place){pid, position};
}

ssize_t position_of(const struct pid_index *index, pid_t pid)
{
    const struct pid_place *place = index->count > 0 && pid > 0 ? place_of(index, pid) : NULL;

    return place && place->pid == pid ? (ssize_t)place->position : NO_POSITION;
}

void empty_index(struct pid_index *index)
{
    if (index->count > 0)
        memset(index->place, 0, index->room * sizeof *index->place);
    index->count = 0;
}

void free_index(struct pid_index *index)
{
    free(index->place);
    *index = (struct pid_index){NULL, 0, 0};
}

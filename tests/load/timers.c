/*
 * A binary heap of the clients that wait for a time. Each client has at most one timer and
 * knows its slot, so that the timer can be moved or cancelled at once.
 */
#include "load.h"

#include <stdlib.h>

/* Slot 0 stays empty: timer_slot 0 means that no timer is set. */
static struct client **heap;
static size_t count;
static size_t room;

static void put(size_t slot, struct client *client)
{
    heap[slot] = client;
    client->timer_slot = slot;
}

static void move_up(size_t slot, struct client *client)
{
    for (; slot > 1 && heap[slot / 2]->due > client->due; slot /= 2)
        put(slot, heap[slot / 2]);
    put(slot, client);
}

static void move_down(size_t slot, struct client *client)
{
    for (;;) {
        size_t child = 2 * slot;

        if (child < count && heap[child + 1]->due < heap[child]->due)
            child++;
        if (child > count || heap[child]->due >= client->due)
            break;
        put(slot, heap[child]);
        slot = child;
    }
    put(slot, client);
}

static void settle(size_t slot, struct client *client)
{
    if (slot > 1 && heap[slot / 2]->due > client->due)
        move_up(slot, client);
    else
        move_down(slot, client);
}

void set_timer(struct client *client, int64_t due)
{
    client->due = due;
    if (client->timer_slot != 0) {
        settle(client->timer_slot, client);
        return;
    }
    if (count + 1 >= room) {
        room = 2 * room + 64;
        heap = realloc(heap, room * sizeof(struct client *));
        if (heap == NULL)
            abort();
    }
    move_up(++count, client);
}

void cancel_timer(struct client *client)
{
    size_t slot = client->timer_slot;
    struct client *last;

    if (slot == 0)
        return;
    client->timer_slot = 0;
    last = heap[count--];
    if (last != client)
        settle(slot, last);
}

struct client *nearest_timer(void)
{
    return count == 0 ? NULL : heap[1];
}

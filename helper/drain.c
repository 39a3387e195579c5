/*
 * The old generation's connections are counted again and again until none is
 * left. A count has a price, so they are paced by what the last one cost.
 */
#include "drain.h"

#include "clock.h"
#include "connections.h"
#include "generation.h"
#include "log.h"
#include "settings.h"
#include "stop.h"
#include "story.h"

static const int64_t shortest_pace = 20 * MILLISECOND;
static const int64_t longest_pace = SECOND;

/* Where processes may not be looked into, they are interrupted instead. */
static const int64_t shortest_blind_pace = 200 * MILLISECOND;

/* One part in so many of a processor is spent on looking. */
enum { PACE_PER_COST = 50 };

/*
 * A connection may be between two processes during one look: accepted by a
 * parent that has closed it, held by a child that was forked behind our back.
 */
enum { QUIET_LOOKS = 2 };

/* No connection shows what a datagram server has received and not answered: it gets a while. */
static const int64_t datagram_grace = 2 * SECOND;

static bool may_owe_answers(const struct generation *generation)
{
    return generation->datagram_count > 0 && now() - generation->since < datagram_grace &&
           now() < generation->deadline;
}

/* Tell who watches, when the number has changed. */
static void note_connections(struct generation *generation, size_t left)
{
    if (left == generation->connections)
        return;
    generation->connections = left;
    tell_draining(generation, left);
}

static void say_how_many(const struct generation *generation, size_t left)
{
    if (left > 0)
        log_line(LEVEL_INFO, "generation %u: draining %zu connection%s, for at most %s",
                 generation->number, left, left == 1 ? "" : "s",
                 duration_text(settings.exit_timeout));
}

static int64_t pace_after(const struct count *count, int64_t cost)
{
    int64_t pace = cost * PACE_PER_COST;
    int64_t shortest = count->blind && count->certain ? shortest_blind_pace : shortest_pace;

    if (pace < shortest)
        return shortest;
    return pace > longest_pace ? longest_pace : pace;
}

/* Count, and say so the first time. */
static struct count take_count(struct generation *generation)
{
    int64_t start = now();
    bool first = !generation->counted;
    struct count count = count_connections(generation);

    if (first && count.certain)
        say_how_many(generation, count.left);
    if (count.certain)
        note_connections(generation, count.left);
    if (count.left > 0)
        generation->quiet_looks = 0;
    else if (count.certain)
        generation->quiet_looks++;
    generation->next_timer = now() + pace_after(&count, now() - start);
    return count;
}

void begin_draining(struct generation *generation)
{
    int64_t deadline = generation->deadline;

    enter(generation, DRAINING, 0);
    generation->deadline = deadline;
    generation->connections = SIZE_MAX; /* no number yet */
    take_count(generation);
}

static bool is_drained(const struct generation *generation)
{
    return generation->quiet_looks >= QUIET_LOOKS && !may_owe_answers(generation);
}

/*
 * Whoever has answered last may still be in the handler of our order: what it is
 * told then arrives before its wait goes on. So nobody is told to stop here.
 */
void look_at_answers(struct generation *generation)
{
    take_count(generation);
}

void drain_again(struct generation *generation)
{
    bool late = now() > generation->deadline;
    struct count count = {.certain = true};

    if (!is_drained(generation)) /* by the last answers */
        count = take_count(generation);
    if (count.left > 0 && late && generation->counted) {
        log_line(LEVEL_INFO, "generation %u: exit timeout with %zu connection%s left",
                 generation->number, count.left, count.left == 1 ? "" : "s");
        begin_stopping(generation, "exit timeout");
    } else if (is_drained(generation) && count.certain) {
        begin_stopping(generation, "drained");
    }
}

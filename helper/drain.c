/*
 * Connections are counted from outside, by the kernel's own lists. A look has a
 * price, so looks are paced by what the last one cost.
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
    return generation->answers_datagrams && now() - generation->since < datagram_grace &&
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

void begin_draining(struct generation *generation)
{
    int64_t deadline = generation->deadline;
    size_t left = count_connections(generation);

    enter(generation, DRAINING, MILLISECOND * 5);
    generation->deadline = deadline;
    generation->quiet_looks = left == 0;
    generation->connections = SIZE_MAX; /* no number yet */
    note_connections(generation, left);
    if (left > 0)
        log_line(LEVEL_INFO, "generation %u: draining %zu connection%s, for at most %s",
                 generation->number, left, left == 1 ? "" : "s",
                 duration_text(settings.exit_timeout));
}

void drain_again(struct generation *generation)
{
    int64_t start = now();
    size_t left = count_connections(generation);
    int64_t pace = (now() - start) * PACE_PER_COST;

    note_connections(generation, left);
    if (left > 0 && start > generation->deadline) {
        log_line(LEVEL_INFO, "generation %u: exit timeout with %zu connection%s left",
                 generation->number, left, left == 1 ? "" : "s");
        begin_stopping(generation, "exit timeout");
        return;
    }
    generation->quiet_looks = left == 0 ? generation->quiet_looks + 1 : 0;
    if (generation->quiet_looks >= QUIET_LOOKS && !may_owe_answers(generation)) {
        begin_stopping(generation, "drained");
        return;
    }
    if (pace < shortest_pace)
        pace = shortest_pace;
    generation->next_timer = now() + (pace > longest_pace ? longest_pace : pace);
}

/*
 * The old generation's connections are counted again and again until none is
 * left. A count has a price, so they are paced by what the last one cost.
 */
#include "drain.h"

#include <stdio.h>
#include <string.h>

#include "finish.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/drain/connections.h"
#include "helper/drain/holders.h"
#include "helper/drain/idle.h"
#include "helper/generation/generation.h"
#include "helper/outside/story.h"
#include "helper/processes/orders.h"
#include "helper/settings/settings.h"
#include "keep.h"
#include "probation.h"
#include "retire_signal.h"
#include "sessions.h"
#include "stop.h"

static const int64_t shortest_pace = 20 * MILLISECOND;
static const int64_t longest_pace = SECOND;

/* Where processes may not be looked into, they are interrupted instead. */
static const int64_t shortest_blind_pace = 200 * MILLISECOND;

/* Its own end is told by a signal of the kernel; this is for who else is to be sent something. */
static const int64_t ending_pace = 100 * MILLISECOND;

/* How often it is looked for connections that idle; and when they are to end at the next chance. */
static const int64_t idle_pace = 100 * MILLISECOND;
static const int64_t last_pace = 5 * MILLISECOND;
static const int64_t short_pause = MILLISECOND;

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
    if (left == generation->drainage.connections)
        return;
    generation->drainage.connections = left;
    tell_draining(generation, left);
}

static void say_how_many(const struct generation *generation, size_t left)
{
    const char *plural = left == 1 ? "" : "s";
    size_t peers = count_sessions(generation);

    if (peers > 0)
        log_line(LEVEL_INFO,
                 "generation %u: keeps %zu datagram peer%s, each until it is silent for %s",
                 generation->number, peers, peers == 1 ? "" : "s", duration_text(settings.udp));
    if (left > 0 && settings.exit_timeout == endless)
        log_line(LEVEL_INFO, "generation %u: draining %zu connection%s, for as long as it takes",
                 generation->number, left, plural);
    else if (left > 0)
        log_line(LEVEL_INFO, "generation %u: draining %zu connection%s, for at most %s",
                 generation->number, left, plural, duration_text(settings.exit_timeout));
}

static int64_t pace_after(const struct count *count, int64_t cost)
{
    int64_t pace = cost * PACE_PER_COST;
    int64_t shortest = count->blind && count->certain ? shortest_blind_pace : shortest_pace;

    if (pace < shortest)
        return shortest;
    return pace > longest_pace ? longest_pace : pace;
}

/* A thread that does not come to a signal by then sits where it takes no connections. */
static const int64_t settling_patience = SECOND;

/*
 * Retiring has signalled each thread that was in accept(), or might be. The kernel takes a
 * connection from the queue, and gives it a number at the end of that call: a thread that a busy
 * machine lets wait in between has one that no look can see. It comes to the signal when the call
 * has returned.
 */
static void settle(struct generation *generation)
{
    struct drainage *drainage = &generation->drainage;

    if (!drainage->settled)
        drainage->settled =
            now() - generation->since > settling_patience || !has_pending_order(generation->number);
}

/* Ask for the parts of answers that are due, and wait for the next one, or the next count. */
static void ask_on(struct generation *generation)
{
    int64_t next_part = ask_for_parts(&generation->asked, generation->number);
    int64_t next_look = generation->drainage.next_look;

    generation->next_timer = next_part != 0 && next_part < next_look ? next_part : next_look;
}

/* Count, and say so the first time. */
static struct count take_count(struct generation *generation)
{
    int64_t start = now();
    bool first = !generation->drainage.counted;
    struct count count;

    settle(generation); /* before the count, which sees what came of it */
    count = count_connections(generation);
    count.left += count_sessions(generation);

    if (first && count.certain)
        say_how_many(generation, count.left);
    if (count.certain)
        note_connections(generation, count.left);
    if (count.error)
        log_line(LEVEL_DEBUG, "generation %u: its connections cannot be counted: %s",
                 generation->number, strerror(count.error));
    if (count.left > 0 || count.error || !generation->drainage.settled)
        generation->drainage.quiet_looks = 0;
    else if (count.certain)
        generation->drainage.quiet_looks++;
    generation->drainage.next_look = now() + pace_after(&count, now() - start);
    ask_on(generation);
    return count;
}

bool cut_short(struct generation *generation, const char *why)
{
    if (!is_draining(generation->state))
        return false;
    snprintf(generation->reason, sizeof generation->reason, "%s", why);
    happen(generation, CUT);
    return true;
}

void drain_no_longer(struct generation *generation)
{
    size_t left = generation->drainage.counted ? generation->drainage.connections : 0;

    log_line(LEVEL_INFO, "generation %u: cut short with %zu connection%s left: %s",
             generation->number, left, left == 1 ? "" : "s", generation->reason);
    log_holders(generation);
    begin_stopping(generation, "cut short");
}

/* Those that serve or drain; and the oldest of the latter, which is the last in the list. */
static int count_generations(struct generation **oldest)
{
    int count = 0;

    for (struct generation *g = generations; g; g = g->older) {
        count += is_serving(g->state) || is_retiring(g->state) || is_draining(g->state);
        if (is_draining(g->state) && !is_kept(g))
            *oldest = g;
    }
    return count;
}

/* One more has come to drain: TFPRELOAD_MAX_GENERATIONS. */
static void limit_generations(void)
{
    struct generation *oldest = NULL;
    char why[64];

    if (count_generations(&oldest) <= settings.max_generations || !oldest)
        return;
    snprintf(why, sizeof why, "there are more than %d generations", settings.max_generations);
    cut_short(oldest, why);
}

void begin_draining(struct generation *generation)
{
    int64_t deadline = generation->deadline;

    enter(generation, DRAINING, 0);
    generation->deadline = deadline;
    generation->drainage.connections = SIZE_MAX; /* no number yet */
    take_count(generation);
    send_retire_signal(generation);
    limit_generations();
}

static bool is_drained(const struct generation *generation)
{
    return generation->drainage.quiet_looks >= QUIET_LOOKS && !may_owe_answers(generation);
}

/*
 * Whoever has answered last may still be in the handler of our order: what it is
 * told then arrives before its wait goes on. So nobody is told to stop here.
 */
void look_at_answers(struct generation *generation)
{
    take_count(generation);
}

/* While it is kept there is nothing to hurry for, but when that is over. */
static void look_again_in_time(struct generation *generation)
{
    int64_t until = current->probation.until;
    int64_t next = now() + longest_pace;

    generation->next_timer = until < next ? until : next;
}

/* With nothing left, it goes: in its own way, if it knows one, or because it is told to. */
static void let_it_end(struct generation *generation)
{
    if (may_end_by_itself(generation))
        generation->next_timer = now() + ending_pace;
    else
        begin_stopping(generation, "drained");
}

/* TFPRELOAD_IDLE, before the exit timeout. */
static void end_idle(struct generation *generation)
{
    if (settings.idle == 0 || now() - generation->drainage.looked_for_idle < idle_pace)
        return;
    generation->drainage.looked_for_idle = now();
    end_idle_connections(generation, settings.idle);
}

/*
 * And behind it: each is ended when its answer is out, and only who is left then is cut. Of a
 * server that answers within a clock tick that is never certain: in the second half of the time a
 * pause of one tick has to do, since the stop signal would spare nobody.
 */
static bool may_end_in_time(struct generation *generation)
{
    int64_t late_by = now() - generation->deadline;

    if (settings.idle == 0 || late_by > settings.stop_timeout)
        return false;
    end_idle_connections(generation, late_by > settings.stop_timeout / 2 ? short_pause : 0);
    generation->next_timer = now() + last_pace;
    return true;
}

void drain_again(struct generation *generation)
{
    bool kept;
    bool late;
    struct count count = {.certain = true};

    if (now() < generation->drainage.next_look) {
        ask_on(generation);
        return;
    }
    if (current)
        let_go_of_abandoned(current);
    review_probation();
    send_retire_signal(generation);
    kept = is_kept(generation);
    late = !kept && now() > generation->deadline;
    if (!is_drained(generation)) /* by the last answers */
        count = take_count(generation);
    if (count.error && late) {
        log_line(LEVEL_ERROR,
                 "generation %u: exit timeout, and its processes cannot be looked into: %s",
                 generation->number, strerror(count.error));
        begin_stopping(generation, "exit timeout");
    } else if (count.left > 0 && late && may_end_in_time(generation)) {
        return;
    } else if (count.left > 0 && late && generation->drainage.counted) {
        log_line(LEVEL_INFO, "generation %u: exit timeout with %zu connection%s left",
                 generation->number, count.left, count.left == 1 ? "" : "s");
        log_holders(generation);
        begin_stopping(generation, "exit timeout");
    } else if (kept) {
        look_again_in_time(generation);
    } else if (count.left > 0) {
        end_idle(generation);
    } else if (is_drained(generation) && count.certain) {
        let_it_end(generation);
    }
}

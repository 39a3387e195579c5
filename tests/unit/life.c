/*
 * The life of a generation: every state and every event of helper/lifecycle/life.c. Whoever changes
 * the table changes it here as well, on purpose.
 */
#include "helper/lifecycle/life.h"

#include "helper/generation/generation.h"
#include "unit.h"

/* The events in their order, a letter each: it stands where something follows. */
static const char letters[EVENTS + 1] = {
    [ANSWERED] = 'a', [WAITING] = 'w', [CLAIMED] = 'c',  [BOUND] = 'b',     [TOLD] = 't',
    [DENIED] = 'd',   [TAKEN] = 'k',   [TIMER] = 'T',    [EXITED] = 'x',    [EMPTY] = 'e',
    [FAILED] = 'f',   [DROPPED] = 'D', [REPLACED] = 'r', [ROLL_BACK] = 'R', [RECALLED] = 'l',
    [END] = 'E',      [CUT] = 'C',
};

static const char *const rows[STATES] = {
    [COLLECTING] = "a......T..fD.....",  [AWAITING] = ".......T..f....E.",
    [RESTARTING] = ".......T..f....E.",  [STARTING] = ".w.btd.TxefD...E.",
    [SETTLING] = ".wc.t..TxefD...E.",    [TRYING] = "....t.kTxefD...E.",
    [READY] = "....td.Txe..rR.E.",       [UNREADY] = ".w..t..Txe..r..E.",
    [WITHDRAWING] = "a......T.efD.....", [RETIRING] = "a......T.e....l..",
    [EMPTYING] = ".......T.e....l..",    [CLOSING] = "a......T.e....l..",
    [DRAINING] = "a......T.e....l.C",    [RETURNING] = "a......T.e.....E.",
    [STOPPING] = ".......Txe.......",    [GONE] = ".................",
    [HOLDING] = "a......T..fD.....",
};

static const char *row_of(enum state state)
{
    static char row[EVENTS + 1];

    for (int event = 0; event < EVENTS; event++)
        row[event] = action_for(state, (enum event)event) ? letters[event] : '.';
    return row;
}

static bool answers(enum state state, enum event event)
{
    return action_for(state, event) != NULL;
}

TEST("from each event in each state follows what is meant to")
{
    for (int state = 0; state < STATES; state++)
        CHECK_TEXT(row_of((enum state)state), rows[state]);
}

TEST("nobody is stuck: each state has a timer or is left by an end, but for what is gone")
{
    for (int state = 0; state < STATES; state++)
        if (!is_gone((enum state)state))
            CHECK(answers((enum state)state, TIMER));
}

TEST("what is on its way can fail; what has processes hears of their end")
{
    for (int i = 0; i < STATES; i++) {
        enum state state = (enum state)i;

        if (is_on_its_way(state) || is_inheriting(state))
            CHECK(answers(state, FAILED));
        if (may_adopt(state) || is_serving(state) || is_retiring(state) || is_draining(state))
            CHECK(answers(state, EMPTY));
        if (may_adopt(state) || is_serving(state) || is_put_off(state))
            CHECK(answers(state, END));
    }
}

TEST("who serves can be replaced; who has stepped back, and lives, can be recalled")
{
    for (int i = 0; i < STATES; i++) {
        enum state state = (enum state)i;

        CHECK_INT(answers(state, REPLACED), is_serving(state));
        CHECK_INT(answers(state, RECALLED),
                  (is_retiring(state) && !is_on_its_way(state)) || is_draining(state));
    }
}

TEST("an event from which nothing follows changes nothing")
{
    for (int state = 0; state < STATES; state++)
        for (int event = 0; event < EVENTS; event++) {
            struct generation *generation;

            if (answers((enum state)state, (enum event)event) || state == GONE)
                continue;
            generation = new_generation();
            current = generation; /* or the helper would take it for the end of the service */
            enter(generation, (enum state)state, 0);
            happen(generation, (enum event)event);
            follow_events();
            CHECK_INT(generation->state, state);
            CHECK_INT(generation->next_timer, 0);
        }
}

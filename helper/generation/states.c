#include "states.h"

enum property {
    COLLECTS = 1,
    ON_ITS_WAY = 2,
    ADOPTS = 4,
    SERVES = 8,
    RETIRES = 16,
    RETIRED = 32,
    INHERITS = 64,
    LASTS = 128,
    PUT_OFF = 256,
};

static const struct {
    const char *name;
    unsigned properties;
} states[STATES] = {
    [COLLECTING] = {"collecting", COLLECTS | ON_ITS_WAY},
    [AWAITING] = {"awaiting", INHERITS | ON_ITS_WAY | PUT_OFF},
    [RESTARTING] = {"restarting", INHERITS | ON_ITS_WAY | PUT_OFF},
    [STARTING] = {"starting", ADOPTS | ON_ITS_WAY},
    [SETTLING] = {"settling", ADOPTS | ON_ITS_WAY},
    [TRYING] = {"settling", ADOPTS | ON_ITS_WAY},
    [READY] = {"ready", SERVES | LASTS},
    [UNREADY] = {"unready", SERVES | LASTS},
    [WITHDRAWING] = {"withdrawing", ON_ITS_WAY | RETIRES | RETIRED},
    [RETIRING] = {"retiring", RETIRES | RETIRED},
    [EMPTYING] = {"retiring", RETIRES | RETIRED},
    [CLOSING] = {"retiring", RETIRES | RETIRED},
    [DRAINING] = {"draining", RETIRED | LASTS},
    [RETURNING] = {"returning", 0},
    [STOPPING] = {"stopping", RETIRED | LASTS},
    [GONE] = {"gone", RETIRED},
    [HOLDING] = {"collecting", COLLECTS},
};

/* Has it one of these? */
static bool has(enum state state, unsigned properties)
{
    return states[state].properties & properties;
}

const char *state_name(enum state state)
{
    return states[state].name;
}

bool is_collecting(enum state state)
{
    return has(state, COLLECTS);
}

bool is_inheriting(enum state state)
{
    return has(state, COLLECTS | ADOPTS | INHERITS);
}

bool is_on_its_way(enum state state)
{
    return has(state, ON_ITS_WAY);
}

bool is_put_off(enum state state)
{
    return has(state, PUT_OFF);
}

bool may_adopt(enum state state)
{
    return has(state, ADOPTS);
}

bool is_serving(enum state state)
{
    return has(state, SERVES);
}

bool is_retiring(enum state state)
{
    return has(state, RETIRES);
}

bool has_retired(enum state state)
{
    return has(state, RETIRED);
}

bool is_draining(enum state state)
{
    return state == DRAINING;
}

bool may_last(enum state state)
{
    return has(state, LASTS);
}

bool is_gone(enum state state)
{
    return state == GONE;
}

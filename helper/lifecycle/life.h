/* The life of a generation: what follows from what happens to it. */
#ifndef TFHELPER_LIFE_H
#define TFHELPER_LIFE_H

#include "helper/generation/events.h"
#include "helper/generation/states.h"

typedef void (*action)(struct generation *generation);

/* What the table has for an event in a state; NULL where nothing follows. For the tests. */
action action_for(enum state state, enum event event);

/*
 * Let every event that has happened take effect, and those that follow from it; begin an upgrade
 * that was noted; end the helper, if the service is over. The main loop alone calls this.
 */
void follow_events(void);

#endif

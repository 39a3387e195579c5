#include "takeover.h"

#include <stdlib.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/usage.h"
#include "helper/generation/generation.h"
#include "helper/outside/hook.h"
#include "helper/processes/family.h"
#include "helper/processes/guard.h"

static enum { NO_TAKEOVER, UNDER_WAY, HAS_FAILED } takeover;

bool is_taking_over(void)
{
    return takeover != NO_TAKEOVER;
}

void begin_takeover(void)
{
    takeover = UNDER_WAY;
}

void taken_over(const struct generation *old)
{
    if (takeover != UNDER_WAY || !old->stranger)
        return;
    takeover = NO_TAKEOVER;
    log_line(LEVEL_INFO,
             "generation %u: process %d is not the service any more: its pid is %d from now on",
             old->number, old->first, getpid());
}

void takeover_failed(void)
{
    if (takeover == UNDER_WAY)
        takeover = HAS_FAILED;
}

bool call_takeover_off(const char *sender)
{
    if (takeover == NO_TAKEOVER)
        return false;
    if (is_on_its_way(generations->state))
        fail_upgrade(generations, "told to end by %s", sender);
    return true;
}

static bool is_alone_with_strangers(void)
{
    for (const struct generation *g = generations; g; g = g->older)
        if (!g->stranger && !is_gone(g->state))
            return false;
    return true;
}

void review_takeover(void)
{
    spare_generation(current && current->stranger ? current->number : 0);
    if (takeover != HAS_FAILED || !is_alone_with_strangers())
        return;
    flush_hooks();
    dismiss_guard();
    exit(EXIT_REFUSED);
}

/*
 * A probe at the door says little of a release that fails under load. So the old generation, which
 * could serve again, is kept: for TFPRELOAD_BAKE, at the end of which a probe is asked once more;
 * or on request until somebody has decided, and who does not decide in time has decided against it.
 */
#include "probation.h"

#include <stdio.h>

#include "ending.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/outside/probe.h"
#include "helper/outside/story.h"
#include "helper/settings/settings.h"

bool can_roll_back(const struct generation *generation)
{
    return generation == current && generation->state == READY && !is_end_expected() &&
           !is_shutting_down() && find_predecessor(generation);
}

void begin_probation(struct generation *generation)
{
    struct probation *probation = &generation->probation;
    int64_t time = probation->hold ? probation->hold : settings.bake;

    if (time == 0)
        return;
    probation->until = now() + time;
    log_line(LEVEL_INFO, "generation %u: its predecessor is kept for %s%s", generation->number,
             duration_text(time), probation->hold ? ", for somebody to decide" : "");
}

bool is_kept(const struct generation *old)
{
    return current && current->probation.until != 0 && find_predecessor(current) == old;
}

static void reject(struct generation *generation, const char *why)
{
    generation->probation.until = INT64_MAX; /* its predecessor must not go before it is recalled */
    snprintf(generation->reason, sizeof generation->reason, "%s", why);
    happen(generation, ROLL_BACK);
}

static void probe_once_more(struct generation *generation)
{
    generation->probation.probed = true;
    generation->probation.until = now() + settings.ready_timeout;
    run_probe(generation);
}

void review_probation(void)
{
    struct generation *generation = current;

    if (!generation || generation->probation.until == 0 || now() < generation->probation.until)
        return;
    if (generation->probation.hold)
        reject(generation, "nobody has committed it in time");
    else if (generation->probation.probed)
        reject(generation, "the probe has not ended in time");
    else if (settings.ready.by == READY_PROBE)
        probe_once_more(generation);
    else
        probation_passed(generation);
}

void probation_passed(struct generation *generation)
{
    if (generation->probation.until == 0)
        return;
    end_probe(generation);
    generation->probation = (struct probation){0};
    log_line(LEVEL_INFO, "generation %u: its predecessor is not kept any more", generation->number);
    tell_committed(generation);
}

void probation_failed(struct generation *generation)
{
    if (generation->probation.probed)
        reject(generation, "the probe has failed");
}

void commit_upgrade(void)
{
    if (current && current->probation.until != 0)
        probation_passed(current);
    else
        tell_refused("no generation is kept: there is nothing to commit");
}

void roll_back_as_asked(void)
{
    if (current && can_roll_back(current))
        reject(current, "it was asked for");
    else
        tell_refused("no older generation lives that could serve again");
}

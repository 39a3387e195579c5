/*
 * execve(2) keeps what matters: the pid, the children, that orphans come to us, signals that are
 * pending, and each descriptor that is not closed on purpose. What the helper knows goes along as
 * text: helper/service/state.c. So that this is bounded, it is done between upgrades: a generation
 * serves, others drain or are told to stop, and nobody is in the middle of answering.
 */
#include "self.h"

#include <stdint.h>
#include <stdio.h>

#include "ending.h"
#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/own_program.h"
#include "helper/listeners/shrinking_set.h"
#include "helper/outside/story.h"
#include "helper/processes/asker.h"
#include "keep.h"

/* A generation that does not give up its listeners keeps the helper from it, but not the server. */
static const int64_t patience = 5 * SECOND;

static bool asked_for;
static char who[ASKER_TEXT];
static int64_t asked_at;

/* One that ran before us is gone soon, or is our own way back. */
static bool is_in_passing(const struct generation *generation)
{
    return generation->stranger || !may_last(generation->state) || generation->signs.probe.pid != 0;
}

bool may_renew_now(void)
{
    for (const struct generation *g = generations; g; g = g->older)
        if (is_in_passing(g))
            return false;
    return current && !is_ending() && !is_shutting_down() && !has_left_sets(NULL) &&
           !wants_copies(current);
}

void request_renewal(const char *asker)
{
    if (is_shutting_down() || is_ending()) {
        tell_ending();
        return;
    }
    if (!may_renew_now())
        tell_noted();
    if (asked_for)
        return;
    if (!may_renew_now())
        log_line(LEVEL_INFO, "tfhelper is executed anew as soon as that can be, asked for by %s",
                 asker);
    asked_for = true;
    asked_at = now();
    snprintf(who, sizeof who, "%s", asker);
}

void renew_if_replaced(const char *asker)
{
    if (!asked_for && is_own_program_replaced())
        request_renewal(asker);
}

bool is_renewal_asked_for(void)
{
    return asked_for;
}

bool holds_upgrades_back(void)
{
    return asked_for && (may_renew_now() || now() - asked_at < patience);
}

void renewal_failed(const char *why)
{
    char text[REASON_SIZE + 64];

    asked_for = false;
    log_line(LEVEL_ERROR, "the new tfhelper is not executed: %s; this one goes on", why);
    snprintf(text, sizeof text, "the new tfhelper is not executed: %s", why);
    tell_refused(text);
}

void carry_renewal(struct carrier *carrier)
{
    carry_text(carrier, "renewal-asker", who, sizeof who);
}

void renewed(const char *before)
{
    asked_for = false;
    log_line(LEVEL_INFO, "tfhelper %s goes on in the place of %s, asked for by %s",
             TFP_VERSION_TEXT, before, who);
    tell_renewed();
}

void not_renewed(void)
{
    log_line(LEVEL_ERROR, "tfhelper %s goes on again", TFP_VERSION_TEXT);
    tell_refused("the new tfhelper could not go on: the one before it does");
}

/* Step 1 of an upgrade: SIGHUP has arrived, or a process of the server passed it on. */
#include "upgrade.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "collect.h"
#include "ending.h"
#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/check/stateful.h"
#include "helper/generation/generation.h"
#include "helper/outside/story.h"
#include "helper/processes/asker.h"
#include "helper/processes/family.h"
#include "helper/settings/settings.h"
#include "restart.h"
#include "retire.h"
#include "self.h"

/*
 * Several requests while one runs count as one, of the first who has asked: one that holds is the
 * more careful.
 */
static bool noted;
static char noted_asker[ASKER_TEXT];
static int64_t noted_hold;

static bool in_progress(void)
{
    return !current || is_on_its_way(generations->state);
}

/*
 * What clients lose by upgrades of this program, in the words of `hint`. The log has it at the
 * first one, since an operator who has read it knows it.
 */
static void note_what_is_kept(const struct generation *new, char *hint, size_t size)
{
    const char *program = settings.file ? settings.file : settings.command[0];
    const char *keeps = settings.overlap == YES ? what_it_keeps(program) : NULL;

    if (keeps)
        snprintf(hint, size, "%s %s", program, keeps);
    if (keeps && new->replaces == FIRST_GENERATION)
        log_line(LEVEL_INFO, "generation %u: %s", new->number, hint);
}

static void begin_upgrade(const char *asker, int64_t hold)
{
    struct generation *new = new_generation();
    char hint[REASON_SIZE] = "";

    log_line(LEVEL_INFO, "generation %u: upgrade from generation %u begins, asked for by %s",
             new->number, current->number, asker);
    new->begun = now();
    new->replaces = current->number;
    new->probation.hold = hold;
    note_what_is_kept(new, hint, sizeof hint);
    tell_begins(new, hint);
    let_join_sets(NULL);
    enter(new, COLLECTING, 10 * MILLISECOND);
    begin_collecting(new);
}

static void note_request(const char *asker, int64_t hold)
{
    if (!noted)
        snprintf(noted_asker, sizeof noted_asker, "%s", asker);
    noted = true;
    if (hold > noted_hold)
        noted_hold = hold;
}

static void say_noted(const char *asker)
{
    tell_noted();
    if (!noted)
        log_line(LEVEL_INFO,
                 "generation %u is not ready yet: the upgrade is noted, asked for by %s",
                 generations->number, asker);
}

void request_upgrade(const char *asker, int64_t hold)
{
    if (is_shutting_down() || is_ending()) {
        log_line(LEVEL_INFO, "the service is to end: there is no upgrade any more");
        tell_ending();
        return;
    }
    if (hold && settings.overlap == NO) {
        tell_refused("the old generation cannot be held: TFPRELOAD_OVERLAP=no");
        return;
    }
    renew_if_replaced(asker);
    if (in_progress()) {
        say_noted(asker);
        hurry_restart();
    }
    note_request(asker,
                 hold); /* and begun by begin_noted_upgrade(), as soon as none is in progress */
}

/*
 * kill(1) of a job, timeout(1) and a shell whose terminal has gone signal the whole group, the
 * server's processes with us, and each passes it on. What has not been executed yet finds what
 * there is to be found, whichever of them was first. A command is answered, and so never merged.
 */
void request_upgrade_by_signal(const char *asker)
{
    if (current && !is_ending() && is_collecting(generations->state) && !is_shutting_down())
        log_line(LEVEL_DEBUG, "generation %u: has just been asked for; again by %s",
                 generations->number, asker);
    else
        request_upgrade(asker, 0);
}

static void forget_noted(void)
{
    noted = false;
    noted_hold = 0;
}

bool begin_noted_upgrade(void)
{
    if (!noted || in_progress() || holds_upgrades_back())
        return false;
    begin_upgrade(noted_asker, noted_hold);
    forget_noted();
    return true;
}

void abandon_upgrades(void)
{
    forget_noted();
    if (current && is_on_its_way(generations->state))
        fail_upgrade(generations, "the service is stopping");
}

void drop_upgrades(void)
{
    forget_noted();
    if (current && is_inheriting(generations->state))
        happen(generations, DROPPED);
}

void carry_upgrade(struct carrier *carrier)
{
    noted = carry_bool(carrier, "upgrade-noted", noted);
    carry_text(carrier, "noted-asker", noted_asker, sizeof noted_asker);
    noted_hold = carry_time(carrier, "noted-hold", noted_hold);
}

#include "trial.h"

#include <poll.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/listeners/inheritance.h"
#include "helper/settings/settings.h"
#include "helper/trace/trace.h"
#include "traced.h"

static const int64_t look_pace = MILLISECOND;

/* A client who has waited so long was not just about to be accepted. */
static const int64_t client_patience = 20 * MILLISECOND;

/* Without any client there is no proof. */
static const int64_t longest_trial = SECOND;

static const int64_t longest_wait = SECOND / 4;

bool needs_trial(const struct generation *generation)
{
    return settings.ready.by == READY_AUTO && generation->trace && !generation->signs.surely &&
           !generation->signs.told && current && current->trace &&
           partly_claimed(&generation->inheritance);
}

void begin_trial(struct generation *generation)
{
    generation->trial.begun = now();
    for (size_t i = 0; i < generation->inheritance.count; i++)
        generation->inheritance.item[i].waited_since = 0;
    enter(generation, TRYING, look_pace);
    allow_second_senders(&generation->inheritance);
    retire_traced_for(current, &generation->inheritance);
    log_line(LEVEL_DEBUG, "generation %u: on trial, generation %u has stepped back",
             generation->number, current->number);
}

static bool has_client(const struct inherited *item)
{
    struct pollfd wait = {item->fd, POLLIN, 0};

    return poll(&wait, 1, 0) == 1 && wait.revents & POLLIN;
}

enum finding { NO_CLIENT, CLIENT_WAITS, CLIENT_TAKEN };

static enum finding look_at(struct inherited *item)
{
    bool waits = item->claimed && has_client(item);

    if (!waits && item->waited_since != 0)
        return CLIENT_TAKEN;
    if (waits && item->waited_since == 0)
        item->waited_since = now();
    return waits && now() - item->waited_since > client_patience ? CLIENT_WAITS : NO_CLIENT;
}

static enum finding look(struct generation *generation)
{
    enum finding worst = NO_CLIENT;

    for (size_t i = 0; i < generation->inheritance.count; i++) {
        enum finding finding = look_at(&generation->inheritance.item[i]);

        if (finding == CLIENT_TAKEN)
            return CLIENT_TAKEN;
        if (finding > worst)
            worst = finding;
    }
    return worst;
}

/* The old one serves again, and who waits is served by it. */
static void call_back(struct generation *generation)
{
    int64_t wait = 2 * generation->trial.wait;

    if (wait < client_patience)
        wait = client_patience;
    if (wait > longest_wait)
        wait = longest_wait;
    generation->trial.wait = wait;
    give_back_to_traced(current, &generation->inheritance);
    generation->signs.waits = false;
    enter(generation, STARTING, wait);
    log_line(LEVEL_DEBUG, "generation %u: accepts nobody yet: generation %u is back, for %s",
             generation->number, current->number, duration_text(wait));
}

void try_again(struct generation *generation)
{
    enum finding finding = look(generation);

    if (finding == CLIENT_WAITS && !has_taken_client(generation))
        call_back(generation);
    else if (finding != NO_CLIENT || now() - generation->trial.begun > longest_trial)
        happen(generation, TAKEN);
    else
        generation->next_timer = now() + look_pace;
}

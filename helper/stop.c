/*
 * The stop signal goes to the processes on top of the family: first the one
 * that was executed, then whatever its end leaves behind as an orphan (the
 * server below a shell that has died of the signal).
 */
#include "stop.h"

#include <signal.h>
#include <unistd.h>

#include "clock.h"
#include "end.h"
#include "family.h"
#include "generation.h"
#include "growing_set.h"
#include "log.h"
#include "memory.h"
#include "orders.h"
#include "settings.h"
#include "story.h"

static const int64_t stop_grace = 5 * SECOND;
static const int64_t kill_pace = 20 * MILLISECOND;
enum { MOST_KILLS = 20 };

static bool was_told(const struct generation *generation, pid_t pid)
{
    for (size_t i = 0; i < generation->asked_count; i++)
        if (generation->asked[i].pid == pid)
            return true;
    return false;
}

static void tell_to_stop(struct generation *generation, pid_t pid)
{
    if (was_told(generation, pid))
        return;
    generation->asked =
        grow(generation->asked, generation->asked_count + 1, sizeof *generation->asked);
    generation->asked[generation->asked_count++] = (struct asked){.pid = pid, .answered = true};
    log_line(LEVEL_DEBUG, "generation %u: stop signal to process %d", generation->number, pid);
    kill(pid, settings.stop_signal);
    kill(pid, SIGCONT); /* a stopped process would take the signal only when it goes on */
}

static void tell_family(struct generation *generation)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        /* on top: no process of the server above it */
        if (member->generation == generation->number && !find_member(member->parent))
            tell_to_stop(generation, member->pid);
    }
}

/* A program that forks all the time is faster than one look: look until there is nobody left. */
static void kill_family(const struct generation *generation)
{
    for (int i = 0; i < MOST_KILLS; i++) {
        const struct family *family = look_at_family();

        if (count_members(generation->number) == 0)
            return;
        for (size_t k = 0; k < family->count; k++)
            if (family->member[k].generation == generation->number)
                kill(family->member[k].pid, SIGKILL);
    }
}

/* Nobody in the last look, and its first process has been reaped, if it ever had one. */
static bool is_empty(const struct generation *generation)
{
    return count_members(generation->number) == 0 && (generation->exited || generation->first == 0);
}

void begin_stopping(struct generation *generation, const char *why)
{
    log_line(LEVEL_INFO, "generation %u: %s after %s: it is told to stop", generation->number, why,
             duration_text(now() - generation->since));
    forget_asked(generation);
    enter(generation, STOPPING, stop_grace);
    generation->deadline = generation->next_timer;
    tell_family(generation);
    if (is_empty(generation))
        happen(generation, EMPTY);
}

void kill_generation(struct generation *generation)
{
    forget_asked(generation);
    enter(generation, STOPPING, kill_pace);
    generation->deadline = now();
    kill_family(generation);
    if (is_empty(generation))
        happen(generation, EMPTY);
}

void stop_again(struct generation *generation)
{
    bool forcibly = now() >= generation->deadline;

    if (!forcibly) {
        tell_family(generation);
        return;
    }
    kill_family(generation);
    if (!generation->complained && generation->asked_count > 0)
        log_line(LEVEL_INFO, "generation %u: not gone %s after the stop signal: killed",
                 generation->number, duration_text(now() - generation->since));
    generation->complained = true;
    generation->next_timer = now() + kill_pace;
    if (is_empty(generation))
        happen(generation, EMPTY);
}

void gone(struct generation *generation)
{
    if (generation->started)
        log_line(generation->exited && generation->asked_count > 0 ? LEVEL_INFO : LEVEL_DEBUG,
                 "generation %u: gone %s after it was told to stop, %s", generation->number,
                 duration_text(now() - generation->since),
                 generation->exited ? ending_text(generation->wait_status) : "never started");
    open_to_all(&generation->inheritance); /* it failed, and what it had bound is closed now */
    enter(generation, GONE, 0);
    tell_gone(generation);
    generation_gone(generation);
}

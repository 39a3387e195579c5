#include "generation.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/base/signal_names.h"
#include "helper/listeners/peers.h"
#include "helper/settings/setting_values.h"

struct generation *generations;
struct generation *current;

const struct program NO_PROGRAM = {-1, -1};

/* The number of the newest generation that there has ever been. */
static unsigned last;

unsigned last_number(void)
{
    return last;
}

void count_on_from(unsigned number)
{
    last = number;
}

struct generation *new_generation(void)
{
    struct generation *new = allocate(1, sizeof *new);

    new->number = ++last;
    new->program = new->fallback = NO_PROGRAM;
    new->older = generations;
    generations = new;
    return new;
}

struct generation *find_generation(unsigned number)
{
    struct generation *generation = generations;

    while (generation && generation->number != number)
        generation = generation->older;
    return generation;
}

struct generation *find_predecessor(const struct generation *generation)
{
    for (struct generation *old = generation->older; old; old = old->older)
        if (!old->crashed && !old->rejected &&
            (is_retiring(old->state) || (is_draining(old->state) && old->farewell.told_at == 0)))
            return old;
    return NULL;
}

int64_t time_left(const struct generation *generation)
{
    int64_t left = generation->deadline - now();

    if (generation->deadline == 0 || left > endless / 2)
        return -1;
    return left > 0 ? left : 0;
}

void enter(struct generation *generation, enum state state, int64_t timer)
{
    generation->state = state;
    generation->since = now();
    generation->next_timer = timer > 0 ? generation->since + timer : 0;
    generation->complained = false;
}

void fail_upgrade(struct generation *generation, const char *format, ...)
{
    va_list arguments;

    if (!generation->reason[0]) {
        va_start(arguments, format);
        vsnprintf(generation->reason, sizeof generation->reason, format, arguments);
        va_end(arguments);
    }
    happen(generation, FAILED);
}

void forget_program(struct program *program)
{
    if (program->file != -1)
        close(program->file);
    if (program->directory != -1)
        close(program->directory);
    *program = NO_PROGRAM;
}

void free_generation(struct generation *generation)
{
    forget_program(&generation->program);
    forget_program(&generation->fallback);
    forget_asked(&generation->asked);
    forget_asked(&generation->farewell.told);
    release(&generation->inheritance);
    free(generation->endpoints);
    free(generation->datagrams);
    free_peers(generation->peers);
    free(generation->removed);
    free(generation->signs.bound);
    free(generation->drainage.sockets.item);
    free(generation->drainage.inquiry.inode);
    free(generation);
}

bool has_failed(int wait_status)
{
    int number = WTERMSIG(wait_status);

    if (!WIFSIGNALED(wait_status))
        return WEXITSTATUS(wait_status) != 0;
    return number != SIGTERM && number != SIGINT && number != SIGHUP && number != SIGPIPE;
}

const char *ending_text(int wait_status)
{
    static char text[64];
    const char *signal = name_of_signal(WTERMSIG(wait_status)); /* of a real-time one NULL */

    if (WIFSIGNALED(wait_status) && signal)
        snprintf(text, sizeof text, "was killed by SIG%s", signal);
    else if (WIFSIGNALED(wait_status))
        snprintf(text, sizeof text, "was killed by signal %d", WTERMSIG(wait_status));
    else
        snprintf(text, sizeof text, "exited with status %d", WEXITSTATUS(wait_status));
    return text;
}

const char *end_of(const struct generation *generation)
{
    return generation->stranger ? "ended" : ending_text(generation->wait_status);
}

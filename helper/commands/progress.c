#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/outside/reports.h"

struct progress begin_progress(void)
{
    return (struct progress){.live = isatty(STDERR_FILENO) == 1};
}

void note_progress(struct progress *progress, const struct report *report)
{
    progress->known = report->count > 0;
    progress->shown = false;
    progress->generation = report->generation;
    progress->connections = report->count;
    progress->deadline = report->left < 0 ? 0 : now() + report->left;
}

void show_progress(struct progress *progress)
{
    int64_t left = progress->deadline - now();

    if (!progress->known || (progress->shown && !progress->live))
        return;
    progress->shown = true;
    fprintf(stderr, "%sgeneration %u: %lld connection%s left", progress->live ? "\r" : "",
            progress->generation, (long long)progress->connections,
            progress->connections == 1 ? "" : "s");
    if (progress->deadline != 0)
        fprintf(stderr, ", %lld s to the exit timeout", (long long)(left > 0 ? left / SECOND : 0));
    fputs(progress->live ? "\033[K" : "\n", stderr);
}

int64_t next_progress(const struct progress *progress, int64_t end)
{
    int64_t second = now() + SECOND;

    if (!progress->live)
        return end;
    return end == 0 || second < end ? second : end;
}

void end_progress(const struct progress *progress)
{
    if (progress->live && progress->known)
        fputs("\r\033[K", stderr);
}

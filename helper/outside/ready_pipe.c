#include "ready_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/settings/settings.h"

static void serve_pipe(struct watch *watch)
{
    struct generation *generation =
        (struct generation *)((char *)watch - offsetof(struct generation, signs.ready_pipe));
    char text[64];
    ssize_t size = read(watch->fd, text, sizeof text);

    if (size == -1)
        return;
    if (size > 0 && !memchr(text, '\n', (size_t)size))
        return;
    close_ready_pipe(generation);
    if (size > 0)
        happen(generation, TOLD);
}

int open_ready_pipe(struct generation *generation)
{
    int ends[2];

    if (settings.ready.by != READY_DESCRIPTOR)
        return -1;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1) {
        log_line(LEVEL_ERROR, "generation %u: no pipe to say that it is ready: %s",
                 generation->number, strerror(errno));
        return -1;
    }
    fcntl(ends[1], F_SETFL, 0); /* the server's end blocks, as it would from anybody */
    watch_descriptor(&generation->signs.ready_pipe, ends[0], serve_pipe);
    return ends[1];
}

void close_ready_pipe(struct generation *generation)
{
    if (!generation->signs.ready_pipe.serve)
        return;
    unwatch_descriptor(&generation->signs.ready_pipe);
    close(generation->signs.ready_pipe.fd);
    generation->signs.ready_pipe.serve = NULL;
}

void resume_ready_pipe(struct generation *generation)
{
    if (generation->signs.ready_pipe.fd != -1)
        watch_descriptor(&generation->signs.ready_pipe, generation->signs.ready_pipe.fd,
                         serve_pipe);
}

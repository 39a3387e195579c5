/* The order of the parts is that of the lines, and so a part of the version. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "helper/base/carry.h"
#include "helper/base/log.h"
#include "helper/generation/carry_generations.h"
#include "helper/generation/generation.h"
#include "helper/kernel/limits.h"
#include "helper/kernel/memory_file.h"
#include "helper/kernel/original_signals.h"
#include "helper/kernel/own_program.h"
#include "helper/kernel/procfile.h"
#include "helper/lifecycle/directory.h"
#include "helper/lifecycle/ending.h"
#include "helper/lifecycle/handover.h"
#include "helper/lifecycle/restart.h"
#include "helper/lifecycle/roll_back.h"
#include "helper/lifecycle/self.h"
#include "helper/lifecycle/start.h"
#include "helper/lifecycle/upgrade.h"
#include "helper/listeners/activation.h"
#include "helper/listeners/carry_session_ports.h"
#include "helper/listeners/growing_set.h"
#include "helper/outside/hook.h"
#include "helper/outside/pidfile.h"
#include "helper/outside/story.h"
#include "helper/processes/carry_family.h"
#include "helper/processes/family.h"
#include "helper/processes/first_processes.h"
#include "helper/processes/guard.h"
#include "helper/processes/refusals.h"
#include "helper/processes/session.h"
#include "helper/trace/carry_trace.h"
#include "preload/wire/messages.h"

void carry_head(struct carrier *carrier, struct state_head *head)
{
    head->version = (int)carry_number(carrier, "tfpreload-state", head->version, 0, INT32_MAX);
    if (head->version < OLDEST_STATE || head->version > STATE_VERSION)
        refuse_carried(carrier, "the state is of version %d, and this tfhelper reads version %d",
                       head->version, STATE_VERSION);
    head->pid = (pid_t)carry_number(carrier, "pid", head->pid, 1, INT32_MAX);
    head->started =
        (uint64_t)carry_number(carrier, "started", (int64_t)head->started, 0, INT64_MAX);
    carry_text(carrier, "written-by", head->writer, sizeof head->writer);
}

static void carry_kernel(struct carrier *carrier)
{
    if (carry_bool(carrier, "log-to-syslog", logs_to_syslog()) && !logs_to_syslog())
        log_to_syslog();
    carry_own_program(carrier);
    carry_descriptor_limit(carrier);
    carry_signals(carrier);
}

static void carry_processes(struct carrier *carrier)
{
    carry_session(carrier);
    carry_refusals(carrier);
    carry_first_processes(carrier);
    carry_family(carrier);
    carry_guard(carrier);
}

static void carry_lifecycle(struct carrier *carrier)
{
    carry_start(carrier);
    carry_directory(carrier);
    carry_handover(carrier);
    carry_upgrade(carrier);
    carry_renewal(carrier);
    carry_restarts(carrier);
    carry_roll_back(carrier);
    carry_expected_end(carrier);
}

/* A library of the server's that we do not understand could not be told to retire. */
static void look_at_libraries(struct carrier *carrier)
{
    for (const struct generation *g = generations; g; g = g->older)
        if (g->library != 0 && !is_spoken(g->library))
            refuse_carried(carrier,
                           "the library of generation %u speaks version %u of the protocol, and "
                           "this tfhelper version %d",
                           g->number, g->library, PROTOCOL_VERSION);
}

void carry_state(struct carrier *carrier)
{
    carry_kernel(carrier);
    carry_processes(carrier);
    carry_activation(carrier);
    carry_growing_sets(carrier);
    carry_session_ports(carrier);
    carry_generations(carrier);
    carry_traces(carrier);
    carry_story(carrier);
    carry_hooks(carrier);
    carry_ready_fd(carrier);
    carry_lifecycle(carrier);
    carry_control(carrier);
    if (is_reading(carrier)) {
        end_carried(carrier);
        look_at_libraries(carrier);
    }
}

static void write_all(struct carrier *carrier)
{
    struct state_head head = {.version = STATE_VERSION,
                              .pid = getpid(),
                              .started = start_of(getpid()),
                              .writer = TFP_VERSION_TEXT};

    look_at_family(); /* an orphan belongs to the generation in which it was seen last */
    carry_head(carrier, &head);
    carry_state(carrier);
}

int write_state(struct carrier *carrier)
{
    int file = open_memory_file("tfpreload state");
    int copy = file == -1 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 0);
    FILE *out = copy == -1 ? NULL : fdopen(copy, "w");
    bool written;

    *carrier = carrier_to(out);
    if (!out) {
        if (copy != -1)
            close(copy);
        if (file != -1)
            close(file);
        return -1;
    }
    write_all(carrier);
    written = fflush(out) == 0 && !ferror(out);
    fclose(out);
    carrier->out = NULL;
    if (written)
        return file;
    close(file);
    errno = ENOSPC;
    return -1;
}

void *map_state(int file, size_t *size)
{
    struct stat status;
    void *text;

    if (fstat(file, &status) == -1)
        return NULL;
    if (!S_ISREG(status.st_mode) || status.st_size == 0) {
        errno = EINVAL;
        return NULL;
    }
    *size = (size_t)status.st_size;
    text = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
    return text == MAP_FAILED ? NULL : text;
}

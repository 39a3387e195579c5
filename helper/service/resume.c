#include "resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare_parent.h"
#include "control.h"
#include "helper/base/carry.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/own_program.h"
#include "helper/kernel/procfile.h"
#include "helper/lifecycle/exits.h"
#include "helper/lifecycle/self.h"
#include "helper/listeners/peers.h"
#include "helper/outside/manager.h"
#include "helper/outside/notices.h"
#include "helper/outside/ready_pipe.h"
#include "helper/processes/guard.h"
#include "helper/settings/settings.h"
#include "helper/trace/carry_trace.h"
#include "loop.h"
#include "renew.h"
#include "state.h"

static int state = -1;
static int program_before = -1;

/* Two numbers with a slash between them, and nothing else. */
static bool read_pair(const char *text, int *one, int *other)
{
    char again[32];

    if (sscanf(text, "%d/%d", one, other) != 2)
        return false;
    snprintf(again, sizeof again, "%d/%d", *one, *other);
    return strcmp(text, again) == 0;
}

/* Whoever sets the variable by hand, or inherits it, is not meant: the pid stays over execve(2). */
static bool is_ours(int file)
{
    struct state_head head = {0};
    struct carrier carrier;
    size_t size;
    void *text = map_state(file, &size);

    if (!text)
        return false;
    carrier = carrier_from(text, size);
    carry_head(&carrier, &head);
    munmap(text, size);
    return head.pid == getpid() && head.started == start_of(getpid());
}

bool take_state(void)
{
    const char *value = getenv(STATE_VARIABLE);
    bool taken = value && read_pair(value, &state, &program_before) && is_ours(state);

    unsetenv(STATE_VARIABLE);
    return taken;
}

/* Of a file in memory; `head` gets who has written it. */
static void read_state(struct carrier *carrier, int file, struct state_head *head)
{
    size_t size = 0;
    void *text = map_state(file, &size);

    *carrier = carrier_from(text ? text : "", size);
    carry_head(carrier, head);
    carry_state(carrier);
    if (text)
        munmap(text, size);
}

static void look_at_descriptors(struct carrier *carrier)
{
    for (size_t i = 0; i < carrier->descriptor_count; i++)
        if (fcntl(carrier->descriptors[i], F_GETFD) == -1)
            refuse_carried(carrier, "descriptor %d is not there", carrier->descriptors[i]);
    for (struct generation *g = generations; g && !has_fault(carrier); g = g->older)
        if (g->peers && !resume_peers(g->peers))
            refuse_carried(carrier, "generation %u: cannot map the table of its peers: %s",
                           g->number, strerror(errno));
        else if (!map_trace(g))
            refuse_carried(carrier, "generation %u: cannot map the memory of its trace: %s",
                           g->number, strerror(errno));
}

/* None of the descriptors has been touched yet, nor has any signal been taken. */
static _Noreturn void go_back(const char *why)
{
    char value[32];

    log_line(LEVEL_ERROR, "tfhelper %s cannot go on: %s", TFP_VERSION_TEXT, why);
    snprintf(value, sizeof value, "%d/-1", state);
    if (program_before != -1 && fcntl(program_before, F_SETFD, FD_CLOEXEC) == 0 &&
        setenv(STATE_VARIABLE, value, 1) == 0)
        syscall(SYS_execveat, program_before, "", own_arguments(), environ, AT_EMPTY_PATH);
    be_a_bare_parent();
}

static void let_go(const struct carrier *carrier)
{
    for (size_t i = 0; i < carrier->descriptor_count; i++)
        fcntl(carrier->descriptors[i], F_SETFD, FD_CLOEXEC);
    close(state);
    if (program_before != -1)
        close(program_before);
}

static void watch_again(void)
{
    change_guard();
    resume_control();
    for (struct generation *g = generations; g; g = g->older) {
        resume_notices(g);
        resume_ready_pipe(g);
        resume_trace(g);
    }
    find_manager();
}

void resume(void)
{
    struct state_head head = {0};
    struct carrier carrier;

    read_state(&carrier, state, &head);
    look_at_descriptors(&carrier);
    if (!has_fault(&carrier) && resume_loop() == -1)
        refuse_carried(&carrier, "cannot open what the helper waits on: %s", strerror(errno));
    if (has_fault(&carrier))
        go_back(carrier.fault);
    let_go(&carrier);
    free_carrier(&carrier);
    watch_again();
    if (program_before != -1)
        renewed(head.writer);
    else
        not_renewed();
    processes_ended(); /* nobody has looked since */
}

bool is_check(const char *argument)
{
    return strncmp(argument, CHECK_OPTION, sizeof CHECK_OPTION - 1) == 0;
}

void check_state(const char *option)
{
    struct state_head head = {0};
    struct carrier carrier;
    int file;
    int answer;

    if (!read_pair(option + sizeof CHECK_OPTION - 1, &file, &answer))
        _exit(EXIT_FAILURE);
    read_state(&carrier, file, &head);
    if (has_fault(&carrier))
        dprintf(answer, "-%s", carrier.fault);
    else
        dprintf(answer, "+%s", TFP_VERSION_TEXT);
    _exit(has_fault(&carrier) ? EXIT_FAILURE : EXIT_SUCCESS);
}

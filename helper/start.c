/*
 * The child gets what it would have had without us: environment, mask,
 * dispositions, limits, working directory and standard streams are the
 * helper's own, which it has not touched or puts back here.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "clock.h"
#include "control.h"
#include "end.h"
#include "env_file.h"
#include "environment.h"
#include "fail.h"
#include "generation.h"
#include "limits.h"
#include "log.h"
#include "memory.h"
#include "notices.h"
#include "ready.h"
#include "ready_pipe.h"
#include "settings.h"
#include "usage.h"

static sigset_t original_mask;
static struct sigaction original_on_child;

void remember_signals(const sigset_t *mask, const struct sigaction *on_child)
{
    original_mask = *mask;
    original_on_child = *on_child;
}

/* The pid that became the helper. After a hand-over it has another one. */
static pid_t original_pid;

/* What was meant for that pid: sd_listen_fds(3), sd_watchdog_enabled(3). */
static void correct_pid(char **environment, const char *name, char *corrected)
{
    size_t length = strlen(name);

    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=' &&
            strtol(*environment + length + 1, NULL, 10) == original_pid) {
            sprintf(corrected, "%s=%d", name, getpid());
            *environment = corrected;
        }
}

/* LD_PRELOAD as the library found it; or our library first, the others behind it in their order. */
static void set_preload(struct environment *environment)
{
    const char *given = value_of(environment, PRELOAD_VARIABLE);
    const char *others = value_of(environment, "LD_PRELOAD");
    char *text;
    size_t size;

    rename_variable(environment, PRELOAD_VARIABLE, "LD_PRELOAD");
    if (given || !settings.library)
        return;
    size = strlen(settings.library) + (others ? strlen(others) : 0) + 2;
    text = allocate(1, size);
    snprintf(text, size, "%s%s%s", settings.library, others && *others ? ":" : "",
             others ? others : "");
    set_variable(environment, "LD_PRELOAD", text);
    free(text);
}

/*
 * Every variable in its place, with LD_PRELOAD back under its own name, and the
 * session's behind them, last of all. False, with the reason in `why`, when
 * the file of variables is wrong; the rest is there.
 */
static bool make_environment(struct generation *generation, struct environment *environment,
                             char *why, size_t size)
{
    char text[SESSION_TEXT];
    bool right = true;

    *environment = copy_environment();
    if (settings.env_file)
        right = read_env_file(settings.env_file, environment, why, size);
    set_preload(environment);
    if (right || !current)
        open_notices(generation, environment);
    unset_variable(environment, SESSION_VARIABLE);
    session_text(generation->number, text);
    set_variable(environment, SESSION_VARIABLE, text);
    return right;
}

void restore_signals(void)
{
    sigaction(SIGCHLD, &original_on_child, NULL);
    sigprocmask(SIG_SETMASK, &original_mask, NULL);
}

/* Make the pipe the descriptor that the operator has named; our report moves out of its way. */
static void give_ready_pipe(int ready_pipe, int *report)
{
    if (*report == settings.ready.descriptor)
        *report = fcntl(*report, F_DUPFD_CLOEXEC, settings.ready.descriptor + 1);
    if (ready_pipe == settings.ready.descriptor)
        fcntl(ready_pipe, F_SETFD, 0);
    else
        dup2(ready_pipe, settings.ready.descriptor);
}

/* In the child. Ends it, with the reason in the pipe, when the command cannot be executed. */
static _Noreturn void execute(char **environment, pid_t helper, int report, int ready_pipe)
{
    static char listen_pid[32];
    static char watchdog_pid[32];
    int error;

    /* prctl(2): kill -9 of the helper takes this process along, as killing the pid would alone */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != helper)
        raise(SIGKILL);
    correct_pid(environment, "LISTEN_PID", listen_pid);
    correct_pid(environment, "WATCHDOG_PID", watchdog_pid);
    if (ready_pipe != -1)
        give_ready_pipe(ready_pipe, &report);
    restore_signals();
    restore_descriptor_limit();
    if (settings.file)
        execve(settings.file, settings.command, environment);
    else
        execvpe(settings.command[0], settings.command, environment);
    error = errno;
    while (write(report, &error, sizeof error) == -1 && errno == EINTR)
        ;
    _exit(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Why the command could not be executed, 0 if it was: then the pipe closes without a word. */
static int read_report(int report)
{
    int error = 0;
    ssize_t size;

    do
        size = read(report, &error, sizeof error);
    while (size == -1 && errno == EINTR);
    close(report);
    return size == (ssize_t)sizeof error ? error : 0;
}

static void could_not_start(struct generation *generation, const char *what, int error)
{
    const char *command = settings.file ? settings.file : settings.command[0];

    if (current) {
        fail_upgrade(generation, "%s %s: %s", what, command, strerror(error));
        return;
    }
    log_line(LEVEL_ERROR, "%s %s: %s", what, command, strerror(error));
    exit(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Where in the server's stderr the new generation begins, if that is a file: see reports.h. */
static int64_t length_of_output(void)
{
    struct stat status;

    return fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

/* Fork and execute. Returns 0, or the errno of what failed; `what` gets a name for it. */
static int execute_generation(struct generation *generation, struct environment *environment,
                              const char **what)
{
    pid_t helper = getpid();
    int ready_pipe;
    int report[2];
    int error;

    if (original_pid == 0)
        original_pid = helper;
    *what = "cannot start";
    if (pipe2(report, O_CLOEXEC) == -1)
        return errno;
    ready_pipe = open_ready_pipe(generation);
    generation->output = length_of_output();
    generation->started = now();
    generation->first = fork();
    if (generation->first == 0)
        execute(environment->entry, helper, report[1], ready_pipe);
    error = errno;
    close(report[1]);
    if (ready_pipe != -1)
        close(ready_pipe);
    if (generation->first == -1) {
        *what = "cannot fork for";
        close(report[0]);
        generation->first = 0;
        return error;
    }
    *what = "cannot execute";
    return read_report(report[0]);
}

static void note_start(const struct generation *generation)
{
    if (current)
        log_line(LEVEL_INFO, "generation %u: started, pid %d, with %zu inherited listener%s",
                 generation->number, generation->first, generation->inheritance.count,
                 generation->inheritance.count == 1 ? "" : "s");
    else
        log_line(LEVEL_DEBUG, "generation %u: started, pid %d", generation->number,
                 generation->first);
}

void start_generation(struct generation *generation)
{
    struct environment environment;
    const char *what;
    char why[512];
    int error;

    if (!make_environment(generation, &environment, why, sizeof why)) {
        if (current) {
            free_environment(&environment);
            fail_upgrade(generation, "%s", why);
            return;
        }
        log_line(LEVEL_ERROR, "%s; what follows in it is ignored", why);
    }
    error = execute_generation(generation, &environment, &what);
    free_environment(&environment);
    if (error) {
        could_not_start(generation, what, error);
        return;
    }
    note_start(generation);
    enter(generation, STARTING, settings.ready_timeout);
    generation->deadline = generation->next_timer;
    begin_readiness(generation);
}

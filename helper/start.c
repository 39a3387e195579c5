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
#include "fail.h"
#include "generation.h"
#include "log.h"
#include "memory.h"
#include "settings.h"
#include "usage.h"

static sigset_t original_mask;
static struct sigaction original_on_child;

void remember_signals(const sigset_t *mask, const struct sigaction *on_child)
{
    original_mask = *mask;
    original_on_child = *on_child;
}

static bool is_variable(const char *entry, const char *name)
{
    size_t length = strlen(name);

    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* sd_listen_fds(3): the descriptors were meant for the pid that became the helper. */
static void correct_listen_pid(char **environment)
{
    static char corrected[32];

    for (; *environment; environment++)
        if (is_variable(*environment, "LISTEN_PID") &&
            strtol(*environment + sizeof "LISTEN_PID=" - 1, NULL, 10) == getppid()) {
            snprintf(corrected, sizeof corrected, "LISTEN_PID=%d", getpid());
            *environment = corrected;
        }
}

/* LD_PRELOAD with our library first, the others behind it in their order. */
static char *preload_text(const char *library, const char *others)
{
    size_t size = sizeof "LD_PRELOAD=:" + strlen(library) + strlen(others);
    char *text = allocate(1, size);

    snprintf(text, size, "LD_PRELOAD=%s%s%s", library, *others ? ":" : "", others);
    return text;
}

/*
 * Every variable in its place, with LD_PRELOAD back under its own name, and the
 * session's behind them, last of all.
 */
static char **child_environment(unsigned generation)
{
    size_t count = 0; /* environ is never NULL in a program that was executed */
    size_t used = 0;
    bool preloaded = false;
    char **list;

    while (environ[count])
        count++;
    list = allocate(count + 3, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        if (is_variable(environ[i], SESSION_VARIABLE))
            continue;
        list[used++] = environ[i];
        if (is_variable(environ[i], PRELOAD_VARIABLE)) {
            list[used - 1] = environ[i] + sizeof PRELOAD_VARIABLE - sizeof "LD_PRELOAD";
        } else if (settings.library && is_variable(environ[i], "LD_PRELOAD")) {
            list[used - 1] = preload_text(settings.library, environ[i] + sizeof "LD_PRELOAD=" - 1);
            preloaded = true;
        }
    }
    if (settings.library && !preloaded)
        list[used++] = preload_text(settings.library, "");
    list[used] = session_text(generation);
    return list;
}

/* What child_environment() has allocated: the list, the session's variable, LD_PRELOAD. */
static void free_environment(char **environment)
{
    char **at = environment;

    for (; *at; at++)
        if (is_variable(*at, SESSION_VARIABLE) ||
            (settings.library && is_variable(*at, "LD_PRELOAD")))
            free(*at);
    free(environment);
}

/* In the child. Ends it, with the reason in the pipe, when the command cannot be executed. */
static _Noreturn void execute(char **environment, pid_t helper, int report)
{
    int error;

    /* prctl(2): kill -9 of the helper takes this process along, as killing the pid would alone */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != helper)
        raise(SIGKILL);
    correct_listen_pid(environment);
    sigaction(SIGCHLD, &original_on_child, NULL);
    sigprocmask(SIG_SETMASK, &original_mask, NULL);
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

void start_generation(struct generation *generation)
{
    pid_t helper = getpid();
    char **environment;
    int report[2];
    int error;

    if (pipe2(report, O_CLOEXEC) == -1) {
        could_not_start(generation, "cannot start", errno);
        return;
    }
    environment = child_environment(generation->number);
    generation->output = length_of_output();
    generation->started = now();
    generation->first = fork();
    if (generation->first == 0)
        execute(environment, helper, report[1]);
    error = errno;
    free_environment(environment);
    close(report[1]);
    if (generation->first == -1) {
        close(report[0]);
        generation->first = 0;
        could_not_start(generation, "cannot fork for", error);
        return;
    }
    error = read_report(report[0]);
    if (error) {
        could_not_start(generation, "cannot execute", error);
        return;
    }
    if (current)
        log_line(LEVEL_INFO, "generation %u: started, pid %d, with %zu inherited listener%s",
                 generation->number, generation->first, generation->inheritance.count,
                 generation->inheritance.count == 1 ? "" : "s");
    else
        log_line(LEVEL_DEBUG, "generation %u: started, pid %d", generation->number,
                 generation->first);
    enter(generation, STARTING, settings.ready_timeout);
    generation->deadline = generation->next_timer;
}

/*
 * The child gets what it would have had without us: environment, mask,
 * dispositions, limits and standard streams are the helper's own, which it has
 * not touched or puts back here.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "directory.h"
#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/base/usage.h"
#include "helper/check/sanitizer.h"
#include "helper/check/way.h"
#include "helper/generation/generation.h"
#include "helper/kernel/filter.h"
#include "helper/kernel/limits.h"
#include "helper/kernel/original_signals.h"
#include "helper/outside/notices.h"
#include "helper/outside/ready_pipe.h"
#include "helper/processes/family.h"
#include "helper/processes/first_processes.h"
#include "helper/processes/guard.h"
#include "helper/processes/roster.h"
#include "helper/processes/session.h"
#include "helper/settings/env_file.h"
#include "helper/settings/environment.h"
#include "helper/settings/settings.h"
#include "helper/trace/trace.h"
#include "preload/wire/protocol.h"
#include "program.h"
#include "ready.h"

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

/* Without our library in it, which has no place in a program that is traced, nor in its children.
 */
static void drop_library(char *list)
{
    char *rest = list;
    char *end = list;
    char *item;

    while ((item = strsep(&rest, ": "))) {
        const char *name = strrchr(item, '/');

        if (*item == '\0' || strncmp(name ? name + 1 : item, "libtfpreload.so", 15) == 0)
            continue;
        if (end != list)
            *end++ = ':';
        memmove(end, item, strlen(item) + 1);
        end += strlen(end);
    }
    *end = '\0';
}

static void set_preload_of_others(struct environment *environment)
{
    const char *given = value_of(environment, "LD_PRELOAD");
    char *others = given ? strdup(given) : NULL;

    if (!others)
        return;
    drop_library(others);
    if (*others)
        set_variable(environment, "LD_PRELOAD", others);
    else
        unset_variable(environment, "LD_PRELOAD");
    free(others);
}

/* LD_PRELOAD as the library found it; or our library first, the others behind it in their order. */
static void set_preload(struct environment *environment, bool traced)
{
    const char *given = value_of(environment, PRELOAD_VARIABLE);
    const char *others = value_of(environment, "LD_PRELOAD");
    char *text;
    size_t size;

    rename_variable(environment, PRELOAD_VARIABLE, "LD_PRELOAD");
    if (traced) {
        set_preload_of_others(environment);
        return;
    }
    if (given || !settings.library)
        return;
    size = strlen(settings.library) + (others ? strlen(others) : 0) + 2;
    text = allocate(1, size);
    snprintf(text, size, "%s%s%s", settings.library, others && *others ? ":" : "",
             others ? others : "");
    set_variable(environment, "LD_PRELOAD", text);
    free(text);
}

/* Behind options that are there already: the last one counts. */
static void let_sanitizer_come_second(struct environment *environment)
{
    static const char option[] = "verify_asan_link_order=0";
    const char *given = value_of(environment, "ASAN_OPTIONS");
    size_t size = (given ? strlen(given) : 0) + sizeof option + 1;
    char *text;

    if ((given && strstr(given, option)) || !insists_on_coming_first())
        return;
    text = allocate(1, size);
    snprintf(text, size, "%s%s%s", given ? given : "", given && *given ? ":" : "", option);
    set_variable(environment, "ASAN_OPTIONS", text);
    log_line(LEVEL_INFO,
             "%s has options of its own for AddressSanitizer: ASAN_OPTIONS=%s has its "
             "runtime start behind our library",
             settings.command[0], text);
    free(text);
}

/*
 * Every variable in its place, with LD_PRELOAD back under its own name, and the
 * session's behind them, last of all. False, with the reason in `why`, when
 * the file of variables is wrong; the rest is there.
 */
static bool make_environment(struct generation *generation, bool traced,
                             struct environment *environment, char *why, size_t size)
{
    char text[SESSION_TEXT];
    char value[VALUE_TEXT];
    bool right = true;

    *environment = copy_environment();
    if (settings.env_file)
        right = read_env_file(settings.env_file, environment, why, size);
    set_preload(environment, traced);
    if (!traced)
        let_sanitizer_come_second(environment);
    if (settings.restart != RESTART_NEVER) {
        print_restart(value, &settings.restart);
        set_variable(environment, RESTART_VARIABLE, value);
    }
    if (settings.udp != 0) {
        print_udp(value, &settings.udp);
        set_variable(environment, UDP_VARIABLE, value);
    }
    if (right || !current)
        open_notices(generation, environment);
    if (settings.shared_files)
        set_variable(environment, SHARED_FILES_VARIABLE, settings.shared_files);
    unset_variable(environment, STRANGER_VARIABLE);
    if (current && current->stranger && !traced)
        set_variable(environment, STRANGER_VARIABLE, "1");
    unset_variable(environment, SESSION_VARIABLE);
    session_text(generation->number, text);
    set_variable(environment, SESSION_VARIABLE, text);
    return right;
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

/* What the child needs of us. Descriptors are -1 where there is none. */
struct launch {
    pid_t helper;
    int directory;
    int program;    /* to be executed, and not what the path leads to */
    int report;     /* gets the errno if the command cannot be executed */
    int ready_pipe; /* TFPRELOAD_READY=fd:N */
    int filter[2];  /* a pair: how the descriptor of the filter comes to us, of one who is traced */
};

/* A script is read by its interpreter, from the descriptor: then that has to be open there. */
static void execute_descriptor(int program, char **environment)
{
    syscall(SYS_execveat, program, "", settings.command, environment, AT_EMPTY_PATH);
    if (errno != ENOENT)
        return;
    fcntl(program, F_SETFD, 0);
    syscall(SYS_execveat, program, "", settings.command, environment, AT_EMPTY_PATH);
}

/* prctl(2): kill -9 of the helper takes this process along, as killing the pid would alone. */
static void die_with_helper(pid_t helper)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != helper)
        raise(SIGKILL);
}

/* That would lose the guard whoever hangs below this process. It ends both, this one at last. */
static void leave_it_to_guard(void)
{
    if (is_guarded() && enter_roster())
        prctl(PR_SET_PDEATHSIG, 0);
}

/* In the child. Ends it, with the reason in the pipe, when the command cannot be executed. */
static _Noreturn void execute(char **environment, struct launch *launch)
{
    static char listen_pid[32];
    static char watchdog_pid[32];
    int error;

    die_with_helper(launch->helper);
    leave_it_to_guard();
    correct_pid(environment, "LISTEN_PID", listen_pid);
    correct_pid(environment, "WATCHDOG_PID", watchdog_pid);
    if (launch->filter[1] != -1)
        install_filter(launch->filter[1]);
    if (launch->ready_pipe != -1)
        give_ready_pipe(launch->ready_pipe, &launch->report);
    restore_signals();
    restore_descriptor_limit();
    if (fchdir(launch->directory) == -1)
        ; /* errno says why */
    else if (launch->program != -1)
        execute_descriptor(launch->program, environment);
    else if (settings.file)
        execve(settings.file, settings.command, environment);
    else
        execvpe(settings.command[0], settings.command, environment);
    error = errno;
    while (write(launch->report, &error, sizeof error) == -1 && errno == EINTR)
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

static void could_not_start(struct generation *generation, const char *what, const char *path,
                            int error)
{
    if (generation->number != FIRST_GENERATION) {
        fail_upgrade(generation, "%s %s: %s", what, path, strerror(error));
        return;
    }
    log_line(LEVEL_ERROR, "%s %s: %s", what, path, strerror(error));
    dismiss_guard();
    exit(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Where in the server's stderr the new generation begins, if that is a file: see reports.h. */
static int64_t length_of_output(void)
{
    struct stat status;

    return fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

static void close_if_open(int fd)
{
    if (fd != -1)
        close(fd);
}

/* Whatever keeps us from watching it: the program runs. */
static void watch_from_outside(struct generation *generation, int channel)
{
    int notify = -1;

    errno = EPERM;
    if (channel != -1)
        notify = receive_filter(channel);
    if (notify != -1 && begin_trace(generation, notify)) {
        expect_no_orders(generation->number);
        return;
    }
    log_line(LEVEL_ERROR, "%s cannot be watched from outside: %s; running without upgrades",
             settings.file ? settings.file : settings.command[0], filter_error_text(errno));
}

/* Fork and execute. Returns 0, or the errno of what failed; `what` gets a name for it. */
static int execute_generation(struct generation *generation, bool traced,
                              struct environment *environment, int directory, const char **what)
{
    struct launch launch = {getpid(), directory, -1, -1, -1, {-1, -1}};
    int report[2];
    int error;

    if (original_pid == 0)
        original_pid = launch.helper;
    *what = "cannot start";
    if (pipe2(report, O_CLOEXEC) == -1)
        return errno;
    if (traced && may_set_filters())
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, launch.filter);
    launch.report = report[1];
    if (generation->by_descriptor)
        launch.program = generation->program.file;
    launch.ready_pipe = open_ready_pipe(generation);
    generation->output = length_of_output();
    generation->started = now();
    generation->first = fork();
    if (generation->first == 0)
        execute(environment->entry, &launch);
    error = errno;
    close(report[1]);
    close_if_open(launch.ready_pipe);
    close_if_open(launch.filter[1]);
    if (generation->first == -1) {
        *what = "cannot fork for";
        close(report[0]);
        close_if_open(launch.filter[0]);
        generation->first = 0;
        return error;
    }
    add_first_process(generation->number, generation->first);
    if (traced)
        watch_from_outside(generation, launch.filter[0]);
    close_if_open(launch.filter[0]);
    *what = "cannot execute";
    return read_report(report[0]);
}

static void note_start(const struct generation *generation)
{
    if (generation->number != FIRST_GENERATION)
        log_line(LEVEL_INFO, "generation %u: started, pid %d, with %zu inherited listener%s",
                 generation->number, generation->first, generation->inheritance.count,
                 generation->inheritance.count == 1 ? "" : "s");
    else
        log_line(LEVEL_DEBUG, "generation %u: started, pid %d", generation->number,
                 generation->first);
}

static int open_directory_for(const struct generation *generation, const char **path)
{
    if (!generation->by_descriptor)
        return open_directory(path);
    *path = NULL;
    return fcntl(generation->program.directory, F_DUPFD_CLOEXEC, 0);
}

/* Start it where its directory is by now. False, with nothing started, if that failed. */
static bool start_in_directory(struct generation *generation, bool traced,
                               struct environment *environment)
{
    const char *path;
    const char *what;
    int directory = open_directory_for(generation, &path);
    int error;

    if (directory == -1) {
        could_not_start(generation, "cannot start in the directory", path ? path : ".", errno);
        return false;
    }
    if (generation->number != FIRST_GENERATION && !generation->by_descriptor)
        say_what_is_executed(generation, directory);
    note_program(generation);
    error = execute_generation(generation, traced, environment, directory, &what);
    close(directory);
    if (error)
        could_not_start(generation, what, settings.file ? settings.file : settings.command[0],
                        error);
    return error == 0;
}

/* What will be executed may be another kind of program than it was. */
static bool will_be_traced(const struct generation *generation)
{
    const char *path;
    int directory;
    bool traced;

    if (generation->by_descriptor)
        return is_file_to_be_traced(generation->program.file);
    directory = open_directory(&path);
    traced = is_to_be_traced(directory);
    close_if_open(directory);
    return traced;
}

void start_generation(struct generation *generation)
{
    const bool traced = will_be_traced(generation);
    struct environment environment;
    char why[512];
    bool started;

    if (!make_environment(generation, traced, &environment, why, sizeof why)) {
        if (current || generation->awaits) {
            free_environment(&environment);
            fail_upgrade(generation, "%s", why);
            return;
        }
        log_line(LEVEL_ERROR, "%s; what follows in it is ignored", why);
    }
    started = start_in_directory(generation, traced, &environment);
    free_environment(&environment);
    if (!started)
        return;
    generation->executed = true;
    note_start(generation);
    enter(generation, STARTING, settings.ready_timeout);
    generation->deadline = generation->next_timer;
    begin_readiness(generation);
}

void carry_start(struct carrier *carrier)
{
    original_pid = (pid_t)carry_number(carrier, "original-pid", original_pid, 0, INT32_MAX);
}

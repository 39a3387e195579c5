/*
 * What is executed is what has been checked: the file is opened once. The check is a child of ours,
 * and nobody waits for it, but the helper itself is replaced in between two events: what a peer has
 * sent, a signal, the end of a process wait in the kernel for the new one.
 */
#include "renew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/base/plain.h"
#include "helper/base/usage.h"
#include "helper/generation/generation.h"
#include "helper/kernel/impatience.h"
#include "helper/kernel/own_program.h"
#include "helper/lifecycle/self.h"
#include "helper/processes/tools.h"
#include "helper/settings/environment.h"
#include "helper/trace/onlooker.h"
#include "state.h"

/* To read a state takes some milliseconds, on a machine that has nothing else to do. */
static const int64_t patience = 10 * SECOND;

enum stage { NOTHING_BEGUN, CHECKING, CHECKED, REFUSED };

static struct {
    enum stage stage;
    struct tool tool;
    int64_t deadline;
    int program; /* each -1: not open */
    int state;
    int answer[2];
    char why[REASON_SIZE];
} renewal = {.program = -1, .state = -1, .answer = {-1, -1}};

static void close_one(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}

static void clean_up(void)
{
    close_one(&renewal.program);
    close_one(&renewal.state);
    close_one(&renewal.answer[0]);
    close_one(&renewal.answer[1]);
    renewal.stage = NOTHING_BEGUN;
}

static void refuse(const char *why)
{
    snprintf(renewal.why, sizeof renewal.why, "%s", why);
    renewal.stage = REFUSED;
}

static void refuse_with_error(const char *what)
{
    char text[REASON_SIZE];

    snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
    refuse(text);
}

static void keep_open(int fd)
{
    fcntl(fd, F_SETFD, 0);
}

/* The one that interrupts us has a handler, which execve(2) takes away. */
static void hold_back_interruptions(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, INTERRUPTING_SIGNAL);
    sigprocmask(how, &set, NULL);
}

static void execute_program(char **argv, char **environment)
{
    syscall(SYS_execveat, renewal.program, "", argv, environment, AT_EMPTY_PATH);
}

/* Our own arguments, behind the option. */
static char **arguments_of_check(char *option)
{
    char **own = own_arguments();
    char **argv;
    size_t count = 0;

    while (own[count])
        count++;
    argv = allocate(count + 2, sizeof *argv);
    argv[0] = own[0];
    argv[1] = option;
    memcpy(argv + 2, own + 1, count * sizeof *argv); /* with the NULL */
    return argv;
}

/* In the child. What the program prints is for nobody: it may be any. */
static void check(void *argument)
{
    char option[64];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)argument;
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        dup2(null, stream);
    snprintf(option, sizeof option, CHECK_OPTION "%d/%d", renewal.state, renewal.answer[1]);
    keep_open(renewal.state);
    keep_open(renewal.answer[1]);
    execute_program(arguments_of_check(option), environ);
    dprintf(renewal.answer[1], "-it cannot be executed: %s", strerror(errno));
    _exit(EXIT_NOT_EXECUTABLE);
}

static void check_ended(struct tool *tool, int wait_status)
{
    char text[ANSWER_TEXT];
    ssize_t length = read(renewal.answer[0], text, sizeof text - 1);
    char why[REASON_SIZE];

    (void)tool;
    text[length > 0 ? length : 0] = '\0';
    make_plain(text);
    if (*text == '+' && wait_status == 0)
        renewal.stage = CHECKED;
    else if (*text == '-')
        refuse(text + 1);
    else if (wait_status == TOOL_LOST)
        refuse("it was being checked when the server went to the background");
    else {
        snprintf(why, sizeof why, "it %s, and has not said whether it could go on",
                 ending_text(wait_status));
        refuse(why);
    }
}

static void begin_check(void)
{
    struct carrier carrier;
    const char *why;

    renewal.program = open_own_program(&why);
    if (renewal.program == -1) {
        char text[REASON_SIZE];

        snprintf(text, sizeof text, "%s: %s", own_path(), why);
        refuse(text);
        return;
    }
    renewal.state = write_state(&carrier);
    free_carrier(&carrier);
    if (renewal.state == -1 || pipe2(renewal.answer, O_CLOEXEC | O_NONBLOCK) == -1 ||
        !fork_tool(&renewal.tool, check, NULL, check_ended)) {
        refuse_with_error("it cannot be checked");
        return;
    }
    close_one(&renewal.answer[1]);
    renewal.deadline = now() + patience;
    renewal.stage = CHECKING;
}

static void set_close_on_exec(const struct carrier *carrier, int flag)
{
    for (size_t i = 0; i < carrier->descriptor_count; i++)
        fcntl(carrier->descriptors[i], F_SETFD, flag);
}

/* Returns only if that fails: then everything is as it was. */
static void execute(void)
{
    int before = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    struct environment environment = copy_environment();
    struct carrier carrier;
    char value[32];

    end_onlooker();
    close_one(&renewal.state);
    renewal.state = write_state(&carrier);
    if (renewal.state != -1 && before != -1) {
        snprintf(value, sizeof value, "%d/%d", renewal.state, before);
        set_variable(&environment, STATE_VARIABLE, value);
        keep_open(renewal.state);
        keep_open(before);
        set_close_on_exec(&carrier, 0);
        hold_back_interruptions(SIG_BLOCK);
        execute_program(own_arguments(), environment.entry);
    }
    refuse_with_error("it cannot be executed");
    hold_back_interruptions(SIG_UNBLOCK);
    set_close_on_exec(&carrier, FD_CLOEXEC);
    free_carrier(&carrier);
    free_environment(&environment);
    close_one(&before);
}

static void see_to_check(void)
{
    if (now() < renewal.deadline)
        return;
    kill_tool(&renewal.tool);
    refuse("it has not said in time whether it could go on");
}

bool renew_as_asked(void)
{
    if (!is_renewal_asked_for())
        return false;
    if (renewal.stage == NOTHING_BEGUN && may_renew_now())
        begin_check();
    else if (renewal.stage == CHECKED && may_renew_now())
        execute();
    else if (renewal.stage == CHECKED)
        clean_up(); /* what has happened meanwhile makes another state of it */
    else if (renewal.stage == CHECKING)
        see_to_check();
    if (renewal.stage != REFUSED)
        return false;
    clean_up();
    renewal_failed(renewal.why);
    return true;
}

int64_t next_renewal(void)
{
    return renewal.stage == CHECKING ? renewal.deadline : 0;
}

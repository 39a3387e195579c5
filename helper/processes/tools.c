#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/usage.h"
#include "helper/kernel/limits.h"
#include "helper/kernel/original_signals.h"
#include "helper/settings/environment.h"

static struct tool *tools;

/* In the child. */
static _Noreturn void execute(char *const argv[], const struct environment *environment)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid(); /* a terminal's signals, and those to our group, are for the server */
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    restore_signals();
    restore_descriptor_limit();
    execve(argv[0], argv, environment->entry);
    _exit(EXIT_NOT_EXECUTABLE);
}

void expect_tool(struct tool *tool, pid_t pid, void (*ended)(struct tool *tool, int wait_status))
{
    *tool = (struct tool){tools, pid, ended};
    tools = tool;
}

bool fork_tool(struct tool *tool, void (*work)(void *argument), void *argument,
               void (*ended)(struct tool *tool, int wait_status))
{
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        work(argument);
        _exit(0);
    }
    if (pid != -1)
        expect_tool(tool, pid, ended);
    return pid != -1;
}

bool run_tool(struct tool *tool, char *const argv[], const struct environment *environment,
              void (*ended)(struct tool *tool, int wait_status))
{
    pid_t pid = fork();

    if (pid == 0)
        execute(argv, environment);
    if (pid == -1) {
        log_line(LEVEL_ERROR, "cannot run %s: %s", argv[0], strerror(errno));
        return false;
    }
    expect_tool(tool, pid, ended);
    return true;
}

bool forget_tool(struct tool *tool)
{
    struct tool **at = &tools;

    while (*at && *at != tool)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = tool->next;
    tool->pid = 0;
    return true;
}

void kill_tool(struct tool *tool)
{
    pid_t pid = tool->pid;

    /* it leads a session, and so a group: but for a moment at its start */
    if (forget_tool(tool) && kill(-pid, SIGKILL) == -1)
        kill(pid, SIGKILL);
}

void lose_tools(void)
{
    struct tool *tool;

    while ((tool = tools)) {
        forget_tool(tool);
        tool->ended(tool, TOOL_LOST);
    }
}

bool is_tool(pid_t pid)
{
    for (const struct tool *tool = tools; tool; tool = tool->next)
        if (tool->pid == pid)
            return true;
    return false;
}

bool tool_ended(pid_t pid, int wait_status)
{
    for (struct tool *tool = tools; tool; tool = tool->next)
        if (tool->pid == pid) {
            forget_tool(tool);
            tool->ended(tool, wait_status);
            return true;
        }
    return false;
}

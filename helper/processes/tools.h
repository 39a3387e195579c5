/* Programs that the operator has us run beside the server: the hook, the probe. */
#ifndef TFHELPER_TOOLS_H
#define TFHELPER_TOOLS_H

#include <stdbool.h>
#include <sys/types.h>

struct environment;

/* One that runs, or not (pid 0). */
struct tool {
    struct tool *next;
    pid_t pid;
    void (*ended)(struct tool *tool, int wait_status);
};

/*
 * Run a program with these arguments and this environment: stdin and stdout are
 * /dev/null, stderr is ours. ended() is called when it has ended. False, with a
 * line in the log, if that cannot be done.
 */
bool run_tool(struct tool *tool, char *const argv[], const struct environment *environment,
              void (*ended)(struct tool *tool, int wait_status));

/* The same for what is no program: a fork of ours does it, and ends. */
bool fork_tool(struct tool *tool, void (*work)(void *argument), void *argument,
               void (*ended)(struct tool *tool, int wait_status));

/* One that runs already, as a child of ours: it was started by the helper in whose place we are. */
void expect_tool(struct tool *tool, pid_t pid, void (*ended)(struct tool *tool, int wait_status));

/* Its end is nobody's business any more. False if it does not run. */
bool forget_tool(struct tool *tool);

/* End it, and forget it. */
void kill_tool(struct tool *tool);

/* ended() gets this as the status of one whose end nobody will learn of. */
enum { TOOL_LOST = -1 };

/* Our process is another one now, and they are not its children. */
void lose_tools(void);

/* Is this process one of these, and not of the server? */
bool is_tool(pid_t pid);

/* A child has ended: if it is one of these, have ended() called, and return true. */
bool tool_ended(pid_t pid, int wait_status);

#endif

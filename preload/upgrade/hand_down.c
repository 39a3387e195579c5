/*
 * Servers that upgrade themselves (nginx) execute their own program with a new environment, in
 * which nothing is left of ours: the process would listen, and could hand nothing over. Any other
 * program gets the environment that it is given: it may be a script whose author wants it empty.
 *
 * Only the child of a fork is helped: that of a vfork has the memory of its parent.
 */
#include "hand_down.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/real.h"
#include "preload/process/process.h"
#include "preload/process/scan.h"
#include "preload/wire/protocol.h"

enum { SESSION, LIBRARY, RESTART, SHARED_FILES, VARIABLES, MOST_LENGTH = 1024 };

static const char names[VARIABLES][sizeof SHARED_FILES_VARIABLE] = {
    SESSION_VARIABLE, "LD_PRELOAD", RESTART_VARIABLE, SHARED_FILES_VARIABLE};

/*
 * "NAME=value"; empty: it was not there, or is too long. A copy, since programs write over their
 * first environment, for the sake of a title.
 */
static char kept[VARIABLES][MOST_LENGTH];

static bool has_name(const char *variable, const char *name)
{
    size_t length = strlen(name);

    return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

static const char *find(char *const *environment, const char *name)
{
    while (*environment && !has_name(*environment, name))
        environment++;
    return *environment;
}

/* Has it nothing of ours, nor of another library's? What the kernel would refuse is not read. */
static bool is_bare(char *const *environment)
{
    for (;; environment++) {
        char *variable;
        char first;

        if (!read_program_memory(&variable, environment, sizeof variable))
            return false;
        if (!variable)
            return true;
        if (!read_program_memory(&first, variable, sizeof first) ||
            has_name(variable, names[SESSION]) || has_name(variable, names[LIBRARY]))
            return false;
    }
}

void keep_variables(char **environment)
{
    for (size_t i = 0; i < VARIABLES; i++) {
        const char *text = find(environment, names[i]);
        size_t size = text ? strlen(text) + 1 : 0;

        if (size > 0 && size <= MOST_LENGTH)
            memcpy(kept[i], text, size);
    }
}

static enum want stays_open(int fd, bool listens, void *argument)
{
    (void)argument;
    return listens && !(kernel_fcntl(fd, F_GETFD, 0) & FD_CLOEXEC) ? WANTED : NOT_WANTED;
}

static bool hands_down_listener(void)
{
    struct scan *scan = own_state() ? lock_scan() : NULL;
    bool found;

    if (!scan)
        return false;
    scan->wanted = stays_open;
    scan_sockets(scan);
    found = scan->sockets > 0;
    unlock_scan(scan);
    return found;
}

static bool is_to_be_added(char *const *environment)
{
    return session.active && kept[SESSION][0] && kept[LIBRARY][0] && is_bare(environment) &&
           hands_down_listener();
}

static size_t length_of(char *const *environment)
{
    size_t count = 0;

    while (environment[count])
        count++;
    return count;
}

/* Both, where there is room for that. The end is zero already: the kernel has just mapped it. */
static void join(char **all, char *const *environment, size_t count)
{
    memcpy(all, environment, count * sizeof *all);
    for (size_t i = 0; i < VARIABLES; i++)
        if (kept[i][0] && !find(environment, names[i]))
            all[count++] = kept[i];
}

int execute_in_session(const char *path, char *const arguments[], char *const environment[])
{
    int saved = errno;
    char **all = NULL;
    size_t count = 0;
    size_t size = 0;
    int result;

    if (is_to_be_added(environment)) {
        count = length_of(environment);
        size = (count + VARIABLES + 1) * sizeof *all;
        all = kernel_map(size);
    }
    if (all)
        join(all, environment, count);
    errno = saved;
    result = real()->execve(path, arguments, all ? all : environment);
    if (all) {
        saved = errno;
        kernel_unmap(all, size);
        errno = saved;
    }
    return result;
}

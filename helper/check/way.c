#include "way.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"
#include "find_program.h"
#include "helper/base/log.h"
#include "helper/settings/settings.h"
#include "privileges.h"
#include "script.h"

static bool read_own(struct elf_facts *own)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = file != -1 && read_elf(file, own) == GOOD_ELF;

    if (file != -1)
        close(file);
    return known;
}

/* The filter, and what is done from outside, is for programs of our own architecture. */
static const char *why_traced_file(int file)
{
    struct elf_facts own;
    struct elf_facts facts;

    if (read_elf(file, &facts) != GOOD_ELF || !read_own(&own) || facts.word != own.word ||
        facts.machine != own.machine)
        return NULL;
    if (facts.go)
        return "is a Go program";
    if (facts.interpreter[0] == '\0')
        return "is statically linked";
    if (facts.libc != own.libc && own.libc != LIBC_UNKNOWN)
        return "is of another libc";
    if (facts.io_uring && !facts.accepts)
        return "accepts by io_uring";
    return NULL;
}

/* execve(2) follows so many from one to the next. */
enum { MOST_SCRIPTS = 5 };

static const char *why_traced_at(const char *path, int scripts);

/* What a script is executed by, env(1) included. */
static const char *why_traced_interpreter(const struct script *script, int scripts)
{
    const char *slash = strrchr(script->interpreter, '/');
    char command[SCRIPT_LINE];
    char path[PATH_MAX];
    bool empties;

    if (!slash || strcmp(slash, "/env") != 0)
        return why_traced_at(script->interpreter, scripts + 1);
    if (!read_env_argument(script->argument, command, &empties) || !find_program(command, path))
        return NULL;
    return why_traced_at(path, scripts + 1);
}

static const char *why_traced_at(const char *path, int scripts)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct script script;
    const char *why = NULL;

    if (file == -1)
        return NULL;
    /* an unprivileged filter would take from it what it gains: see make_filter() */
    if (find_privileges(file) == NO_PRIVILEGES || geteuid() == 0)
        why = why_traced_file(file);
    if (!why && scripts < MOST_SCRIPTS && read_script(file, &script))
        why = why_traced_interpreter(&script, scripts);
    close(file);
    return why;
}

const char *why_traced(const char *path)
{
    return why_traced_at(path, 0);
}

/* Of the command that will be executed; its path into `path`. */
static const char *why_command_traced(int directory, char path[PATH_MAX])
{
    char there[PATH_MAX + 32];

    if (settings.file)
        snprintf(path, PATH_MAX, "%s", settings.file);
    else if (!find_program(settings.command[0], path))
        return NULL;
    if (*path == '/' || directory < 0)
        return why_traced(path);
    snprintf(there, sizeof there, "/proc/self/fd/%d/%s", directory, path);
    return why_traced(there);
}

bool is_to_be_traced(int directory)
{
    char path[PATH_MAX];

    if (settings.way != WAY_AUTO)
        return settings.way == WAY_TRACE;
    return why_command_traced(directory, path) != NULL;
}

bool is_file_to_be_traced(int file)
{
    char path[32];

    if (settings.way != WAY_AUTO)
        return settings.way == WAY_TRACE;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return why_traced(path) != NULL;
}

void say_that_it_is_watched(void)
{
    char path[PATH_MAX];
    const char *why = settings.way == WAY_AUTO ? why_command_traced(AT_FDCWD, path) : NULL;

    if (why)
        log_line(LEVEL_INFO, "%s %s, so nothing is preloaded: it is watched from outside", path,
                 why);
}

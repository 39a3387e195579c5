/*
 * What decides is in the file: a program without an interpreter (PT_INTERP,
 * elf(5)) has no dynamic loader, one with another interpreter than ours has
 * another libc, and one that gains privileges makes the loader ignore LD_PRELOAD
 * (ld.so(8), secure-execution mode).
 */
#include "unfit.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"
#include "find_program.h"
#include "helper/base/log.h"
#include "helper/kernel/procfile.h"
#include "helper/settings/settings.h"
#include "privileges.h"

static const char another_libc[] = "is of another libc than tfpreload";

/* Our own libc is the one that the library was built for, too. */
static bool is_of_own_libc(enum libc libc)
{
    struct elf_facts own;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = file != -1 && read_elf(file, &own) == GOOD_ELF && own.libc != LIBC_UNKNOWN;

    if (file != -1)
        close(file);
    return !known || libc == own.libc;
}

/* What the file says; a script, or anything else that cannot be told, is not held against it. */
static const char *why_unfit_file(int file)
{
    const unsigned own_word = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    struct elf_facts facts;

    if (read_elf(file, &facts) != GOOD_ELF)
        return NULL;
    if (facts.word != own_word)
        return "is of another word size than tfpreload";
    if (facts.interpreter[0] == '\0')
        return "is statically linked";
    return is_of_own_libc(facts.libc) ? NULL : another_libc;
}

/*
 * Why the dynamic loader will not load our library into the program at `path`:
 * "is statically linked", "is set-user-ID", or NULL if nothing speaks against it.
 */
static const char *why_unfit(const char *path)
{
    const char *why = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file == -1)
        return NULL;
    switch (find_privileges(file)) {
    case SET_ID:
        why = "is set-user-ID or set-group-ID";
        break;
    case CAPABILITIES:
        why = "has file capabilities";
        break;
    case NO_PRIVILEGES:
        why = why_unfit_file(file);
        break;
    }
    close(file);
    return why;
}

static const char remedy[] = "so tfpreload is not loaded into it, and it cannot be upgraded";

void warn_of_unfit_command(void)
{
    char path[PATH_MAX];
    const char *why = NULL;

    if (settings.file)
        why = why_unfit(settings.file);
    else if (find_program(settings.command[0], path))
        why = why_unfit(path);
    if (why)
        log_line(LEVEL_ERROR, "%s %s, %s", settings.file ? settings.file : path, why, remedy);
}

/* One that we cannot look into gets the benefit of the doubt. */
static bool has_loaded_library(pid_t pid)
{
    return has_mapped(pid, "libtfpreload") != IS_GONE;
}

/* Whoever gains privileges by execve() may not be looked into any more: ptrace(2), dumpable. */
const char *why_unfit_process(pid_t pid, char name[PATH_MAX])
{
    char link[32];
    const char *why;
    ssize_t length;

    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    length = readlink(link, name, PATH_MAX - 1);
    if (length == -1 && errno == EACCES && geteuid() != 0) {
        read_command(pid, name);
        return "has gained privileges";
    }
    name[length > 0 ? length : 0] = '\0';
    why = why_unfit(link);
    if (why != another_libc && has_loaded_library(pid)) /* of another libc, it is idle */
        return NULL;
    return why ? why : "was executed without LD_PRELOAD";
}

void warn_of_unfit_process(pid_t pid, const char *name, const char *why)
{
    log_line(LEVEL_ERROR, "process %d, %s, %s, %s", pid, name, why, remedy);
}

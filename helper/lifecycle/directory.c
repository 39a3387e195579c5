/*
 * A deployment switches a link, releases/current, and the working directory that was reached by it
 * is the old release's for ever: the kernel keeps directories, not paths. So the path is followed
 * again at each start; it is the one that the operator names, or the shell's, in PWD.
 */
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/log.h"
#include "helper/check/find_program.h"
#include "helper/generation/generation.h"
#include "helper/settings/settings.h"

static const char *followed; /* NULL: the directory is what it is */

static bool is_same_directory(const char *path)
{
    struct stat there;
    struct stat here;

    return stat(path, &there) == 0 && stat(".", &here) == 0 && there.st_dev == here.st_dev &&
           there.st_ino == here.st_ino;
}

/*
 * PWD of a process that was not started by a shell is anybody's, so it counts where it leads here;
 * and where it has no link in it, there is nothing to follow.
 */
static const char *path_of_shell(void)
{
    const char *path = getenv("PWD");
    char physical[PATH_MAX];

    if (!path || *path != '/' || !is_same_directory(path) || !getcwd(physical, sizeof physical) ||
        strcmp(path, physical) == 0)
        return NULL;
    return path;
}

void remember_directory(void)
{
    followed = settings.directory ? settings.directory : path_of_shell();
}

int open_directory(const char **path)
{
    *path = followed;
    return open(followed ? followed : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Where a path as given leads, from this directory; false if nowhere. */
static bool resolve_program(const char *program, const char *directory, char resolved[PATH_MAX])
{
    char path[2 * PATH_MAX];

    snprintf(path, sizeof path, "%s%s%s", *program == '/' ? "" : directory,
             *program == '/' ? "" : "/", program);
    return realpath(path, resolved) != NULL;
}

void say_what_is_executed(const struct generation *generation, int directory)
{
    char link[64];
    char place[PATH_MAX];
    char found[PATH_MAX];
    char program[PATH_MAX];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    length = readlink(link, place, sizeof place - 1);
    if (length == -1)
        return;
    place[length] = '\0';
    if (settings.file)
        snprintf(found, sizeof found, "%s", settings.file);
    else if (!find_program(settings.command[0], found))
        return;
    if (resolve_program(found, place, program))
        log_line(LEVEL_INFO, "generation %u: executes %s in %s", generation->number, program,
                 place);
}

/* That of the shell would not be believed again: by now it may lead elsewhere, which is its use. */
void carry_directory(struct carrier *carrier)
{
    static char read[PATH_MAX];
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s", followed && !is_reading(carrier) ? followed : "");
    carry_text(carrier, "directory-followed", path, sizeof path);
    if (!is_reading(carrier))
        return;
    strcpy(read, path);
    followed = *read ? read : NULL;
}

/*
 * By the path that we were started from, and not by /proc/self/exe: that leads to the file that we
 * are for as long as we live, and says " (deleted)" when a package was upgraded. A link in the path
 * may be switched, as for a server's.
 */
#include "own_program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/operators_file.h"

static char path[PATH_MAX];
static char **arguments;
static struct stat identity; /* st_ino 0: not known */

static bool is_same_file(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* As execve(2) got it, unless that was a script's or is relative to what we do not know. */
static bool note_given_path(void)
{
    /* the kernel's value is the address of a string */
    const char *given = (const char *)getauxval(AT_EXECFN); // NOLINT(performance-no-int-to-ptr)
    char directory[PATH_MAX] = "";
    struct stat there;

    if (!given || stat(given, &there) == -1 || !is_same_file(&there, &identity) ||
        strncmp(given, "/dev/fd/", 8) == 0 || (*given != '/' && !getcwd(directory, PATH_MAX)))
        return false;
    return snprintf(path, sizeof path, "%s%s%s", directory, *given == '/' ? "" : "/", given) <
           (int)sizeof path;
}

void note_own_program(char **argv)
{
    ssize_t length;

    arguments = argv;
    if (stat("/proc/self/exe", &identity) == -1)
        identity.st_ino = 0;
    if (note_given_path())
        return;
    length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
}

const char *own_path(void)
{
    return path;
}

char **own_arguments(void)
{
    return arguments;
}

bool is_own_program_replaced(void)
{
    struct stat there;

    return identity.st_ino != 0 && stat(path, &there) == 0 && S_ISREG(there.st_mode) &&
           (!is_same_file(&there, &identity) || there.st_size != identity.st_size ||
            there.st_mtim.tv_sec != identity.st_mtim.tv_sec ||
            there.st_mtim.tv_nsec != identity.st_mtim.tv_nsec);
}

int open_own_program(const char **why)
{
    int file = open_operators_file(path, why);
    const char *writer = file == -1 ? NULL : other_writer_of(file);
    static char text[64];

    if (!writer)
        return file;
    close(file);
    snprintf(text, sizeof text, "%s may write it", writer);
    *why = text;
    errno = EPERM;
    return -1;
}

/* What is executed by a descriptor has its number for a name: execveat(2). */
void carry_own_program(struct carrier *carrier)
{
    char name[16] = ""; /* PR_SET_NAME: prctl(2) */

    prctl(PR_GET_NAME, name);
    carry_text(carrier, "name", name, sizeof name);
    if (is_reading(carrier) && !has_fault(carrier))
        prctl(PR_SET_NAME, name);
    carry_text(carrier, "program-path", path, sizeof path);
}

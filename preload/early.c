/*
 * The constructor runs before any other library is initialised (-z initfirst), libc
 * among them: environ is not set yet in glibc, so the arguments that constructors
 * are given are used, and memory comes from mmap().
 */
#include "early.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *early_variable(char **environment, const char *name)
{
    size_t length = strlen(name);

    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

void complain(const char *what, const char *about, int error)
{
    char line[PATH_MAX + 256];
    int length = snprintf(line, sizeof line, "tfpreload: %s %s%s%s; running without upgrades\n",
                          what, about, error ? ": " : "", error ? strerror(error) : "");

    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) == -1)
        return;
}

#include "find_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    struct stat status;

    return access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool find_program(const char *name, char path[PATH_MAX])
{
    const char *directory = getenv("PATH");

    if (strchr(name, '/'))
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    if (!directory)
        directory = "/bin:/usr/bin"; /* as execvp(3) has it */
    while (*name) {
        size_t length = strcspn(directory, ":");

        /* an empty one is the current directory */
        if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, directory, length ? "/" : "", name) <
                PATH_MAX &&
            is_program(path))
            return true;
        if (!directory[length])
            break;
        directory += length + 1;
    }
    return false;
}

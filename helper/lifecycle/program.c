/*
 * Opened by the path that is executed, and not found in /proc of the process: that may have
 * executed something else by then, with other arguments.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "directory.h"
#include "helper/check/find_program.h"
#include "helper/generation/generation.h"
#include "helper/settings/settings.h"

bool keep_program(struct generation *generation)
{
    struct program *program = &generation->program;
    char found[PATH_MAX];
    const char *path;

    if (program->file != -1)
        return true;
    program->directory = open_directory(&path);
    if (settings.file)
        snprintf(found, sizeof found, "%s", settings.file);
    else if (!find_program(settings.command[0], found)) {
        errno = ENOENT;
        return false;
    }
    program->file = openat(program->directory, found, O_PATH | O_CLOEXEC);
    return program->file != -1;
}

void note_program(struct generation *generation)
{
    if (settings.overlap == YES || generation->by_descriptor)
        return;
    forget_program(&generation->program); /* the path may lead elsewhere by now */
    keep_program(generation);
}

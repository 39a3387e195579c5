/* Where a command is. */
#ifndef TFHELPER_FIND_PROGRAM_H
#define TFHELPER_FIND_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

/* Find the file that execvpe(3) would execute under this name. False if PATH has none. */
bool find_program(const char *name, char path[PATH_MAX]);

#endif

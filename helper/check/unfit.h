/* Programs that no preloaded library can reach, and how to say so. */
#ifndef TFHELPER_UNFIT_H
#define TFHELPER_UNFIT_H

#include <limits.h>
#include <sys/types.h>

/* One line if the command is such a program. It is run all the same. */
void warn_of_unfit_command(void);

/*
 * Why this process has not got the library, or NULL; the program's name into
 * `name`. And one line that says so.
 */
const char *why_unfit_process(pid_t pid, char name[PATH_MAX]);
void warn_of_unfit_process(pid_t pid, const char *name, const char *why);

#endif

/* Programs that no preloaded library can reach, and how to say so. */
#ifndef TFHELPER_UNFIT_H
#define TFHELPER_UNFIT_H

#include <limits.h>
#include <sys/types.h>

struct generation;

/*
 * Why the dynamic loader will not load our library into the program at `path`:
 * "is statically linked", "is set-user-ID", or NULL if nothing speaks against it.
 */
const char *why_unfit(const char *path);

/* One line if the command is such a program. It is run all the same. */
void warn_of_unfit_command(void);

/*
 * Why this process has not got the library, or NULL; the program's name into
 * `name`. And one line that says so.
 */
const char *why_unfit_process(pid_t pid, char name[PATH_MAX]);
void warn_of_unfit_process(pid_t pid, const char *name, const char *why);

/* One line for each process of the generation that has not loaded our library. */
void warn_of_unfit_members(const struct generation *generation);

#endif

/* Programs that no preloaded library can reach, and how to say so. */
#ifndef TFHELPER_UNFIT_H
#define TFHELPER_UNFIT_H

#include <sys/types.h>

struct generation;

/*
 * Why the dynamic loader will not load our library into the program at `path`:
 * "is statically linked", "is set-user-ID", or NULL if nothing speaks against it.
 */
const char *why_unfit(const char *path);

/* One line if the command is such a program. It is run all the same. */
void warn_of_unfit_command(void);

/* One line for each process of the generation that has not loaded our library. */
void warn_of_unfit_members(const struct generation *generation);

#endif

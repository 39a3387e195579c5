/* The directory in which a generation is started, and what is found there. */
#ifndef TFHELPER_DIRECTORY_H
#define TFHELPER_DIRECTORY_H

struct carrier;
struct generation;

/* At the start of the helper: note by which path its directory is to be found again. */
void remember_directory(void);

/*
 * Find it. Returns an O_PATH descriptor, which the caller closes, or -1 with errno; `path`: by
 * which one it was looked for, NULL for the helper's own.
 */
int open_directory(const char **path);

/* Log what the command and the directory lead to by now. */
void say_what_is_executed(const struct generation *generation, int directory);

/* By which path it is found: helper/base/carry.h. */
void carry_directory(struct carrier *carrier);

#endif

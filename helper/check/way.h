/* Which way into a program there is: the library, or being watched from outside. */
#ifndef TFHELPER_WAY_H
#define TFHELPER_WAY_H

#include <stdbool.h>

/*
 * Is the command that is to be executed, in this directory (AT_FDCWD: ours), to be traced: by the
 * setting, or since the library cannot go there and this can?
 */
bool is_to_be_traced(int directory);

/* The same of the program that this descriptor leads to, which stays the caller's: O_PATH will do.
 */
bool is_file_to_be_traced(int file);

/* In the log, if it was not the setting that decided so. */
void say_that_it_is_watched(void);

/* The same of a program's file, where the setting leaves it to the file: why, or NULL. */
const char *why_traced(const char *path);

#endif

/*
 * The files that an operator names: they may lie where somebody else may write.
 * A path is followed as the operator meant it, and never where another user has
 * bent it to; nothing is waited for.
 */
#ifndef TFHELPER_OPERATORS_FILE_H
#define TFHELPER_OPERATORS_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Open a file for reading. A symbolic link of root's or of our own user's is
 * followed; another user's only to what belongs to the same user, who could have
 * written its content as well. What is no regular file is refused. Returns a
 * descriptor (close-on-exec), or -1 with the reason in *why, which stays valid
 * until the next call, and errno.
 */
int open_operators_file(const char *path, const char **why);

/*
 * Open the directory of a file that is to be written, by the same rule. `*name`:
 * the file's name in it, a part of `path`.
 */
int open_operators_directory(const char *path, const char **name, const char **why);

/* The file `name` in such a directory, for reading, if it is a regular file; else -1. */
int open_own_file(int directory, const char *name);

/*
 * Which other user may write this file, or put another in its place? "user 33",
 * "group 33", "every user"; NULL if none may, or it is not there. For a file that
 * may not exist yet, its directory decides. One result is valid at a time.
 */
const char *other_writer(const char *path);

/* The same of this file alone, which is open, and not of its place. */
const char *other_writer_of(int file);

#endif

/* TFPRELOAD_ENV_FILE: variables of the server that may change from one generation to the next. */
#ifndef TFHELPER_ENV_FILE_H
#define TFHELPER_ENV_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct environment;

/*
 * Read lines from a file into the environment: NAME=VALUE, and unset NAME.
 * Blank lines and lines that begin with # or ; are skipped; a value in single or
 * double quotes is taken without them; nothing is expanded. Returns false, with what is wrong
 * and where in `why`, at the first line that cannot be used: those before it
 * have been taken.
 */
bool read_env_file(const char *path, struct environment *environment, char *why, size_t size);

/* The same of a file that is open. Returns what is wrong, or NULL; `number` is that of the line. */
const char *read_env_lines(FILE *file, struct environment *environment, unsigned *number);

#endif

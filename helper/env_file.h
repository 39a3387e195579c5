/* TFPRELOAD_ENV_FILE: variables of the server that may change from one generation to the next. */
#ifndef TFHELPER_ENV_FILE_H
#define TFHELPER_ENV_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct environment;

/*
 * Read NAME=VALUE lines from a file into the environment. Blank lines and lines
 * that begin with # or ; are skipped; a value in single or double quotes is
 * taken without them; nothing is expanded. Returns false, with what is wrong
 * and where in `why`, at the first line that cannot be used: those before it
 * have been taken.
 */
bool read_env_file(const char *path, struct environment *environment, char *why, size_t size);

#endif

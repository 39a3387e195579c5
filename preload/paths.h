/* The path of a unix socket, which two generations share. */
#ifndef TFPRELOAD_PATHS_H
#define TFPRELOAD_PATHS_H

#include <stdbool.h>

/*
 * A program unlinks its socket's path before it binds, and again when it ends.
 * Is this path a socket that another generation serves on, so that the call
 * must only seem to have worked? Keeps errno.
 */
bool must_keep_path(int directory, const char *path);

#endif

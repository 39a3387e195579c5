/* The path of a unix socket or of a pid file, which two generations share. */
#ifndef TFPRELOAD_PATHS_H
#define TFPRELOAD_PATHS_H

#include <stdbool.h>

/*
 * A program unlinks its socket's path before it binds, and again when it ends,
 * and its pid file then. Is this path a socket that another generation serves
 * on, or a file with the pid of a successor, so that the call must only seem to
 * have worked? Keeps errno.
 */
bool must_keep_path(int directory, const char *path);

#endif

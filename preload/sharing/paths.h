/* The path of a unix socket or of a pid file, which two generations share. */
#ifndef TFPRELOAD_PATHS_H
#define TFPRELOAD_PATHS_H

#include <stdbool.h>
#include <sys/types.h>

struct file_status;

/*
 * A program unlinks its socket's path before it binds, and again when it ends,
 * and its pid file then. Is this path a socket that another generation serves
 * on, or a file with the pid of a successor, so that the call must only seem to
 * have worked? Keeps errno.
 */
bool must_keep_path(int directory, const char *path);

/* The pid that is all there is in a file with this status; 0 if that is something else. */
pid_t pid_in_file(int directory, const char *path, const struct file_status *status);

/* What stands after the last slash. */
const char *last_name(const char *path);

/*
 * Does another generation serve on the socket with this status, whose clients find it by this
 * path? Changes errno.
 */
bool others_serve_on(const struct file_status *status, const char *path);

#endif

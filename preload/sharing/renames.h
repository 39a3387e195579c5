/* A socket that is bound beside the path of its predecessor, and gets that path then. */
#ifndef TFPRELOAD_RENAMES_H
#define TFPRELOAD_RENAMES_H

#include <stdbool.h>

/*
 * A program renames a socket. Has what it did that for been done here, so that the call must only
 * seem to have worked? `flags` as of renameat2(2). Keeps errno.
 */
bool has_renamed_socket(int from_directory, const char *from, int to_directory, const char *to,
                        unsigned flags);

/* The same for link(2). */
bool has_linked_socket(int from_directory, const char *from, int to_directory, const char *to);

#endif

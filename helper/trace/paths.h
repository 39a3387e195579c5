/* Paths as another process sees them: below its root, or from its working directory. */
#ifndef TFHELPER_PATHS_H
#define TFHELPER_PATHS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* AT_FDCWD, or a directory that it has open, as for openat(2): where a relative path begins. */
bool is_socket_of_process(pid_t process, int directory, const char *path, struct stat *status);

/* Read a path from the memory of a process. False if there is none, or it is too long. */
bool read_path(pid_t process, uint64_t address, char *path, size_t size);

#endif

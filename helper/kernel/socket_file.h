/* The file that a unix socket is bound to, as stat(2) shows it, and its path. */
#ifndef TFHELPER_SOCKET_FILE_H
#define TFHELPER_SOCKET_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "unix_socket.h"

enum { SOCKET_PATH_SIZE = UNIX_NAME_SIZE + NAME_MAX + 2 };

struct socket_file {
    dev_t device;
    ino_t inode;
    char path[SOCKET_PATH_SIZE]; /* by which clients find it, as those who have bound it see it */
};

/*
 * Find the file of a socket that process `pid` has bound or means: by the path
 * that it was bound to, or beside that, where it has been renamed. If it has several
 * names there, then by `known`, a path that was found earlier, or NULL. False when
 * neither that process nor the helper sees it.
 */
bool find_socket_file(const struct unix_socket *socket, pid_t pid, const char *known,
                      struct socket_file *file);

/* What stands after the last slash of a path. */
const char *last_name(const char *path);

#endif

/* The file that a unix socket is bound to, as stat(2) shows it. */
#ifndef TFHELPER_SOCKET_FILE_H
#define TFHELPER_SOCKET_FILE_H

#include <stdbool.h>
#include <sys/types.h>

struct stat;
struct unix_socket;

/*
 * Find the file behind a socket's path, which process `pid` has bound or means.
 * False when neither that process nor the helper sees it there.
 */
bool find_socket_file(const struct unix_socket *socket, pid_t pid, struct stat *status);

#endif

/* A socket begins to serve clients: in listen(), or in the bind() of a datagram socket. */
#ifndef TFPRELOAD_SERVE_H
#define TFPRELOAD_SERVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "preload/wire/protocol.h"

struct note;

/* listen() inside a session: as listen(2), and the helper learns of an adopted one. */
int listen_and_tell(int fd, int backlog);

/* `fd` has been bound, or adopted: if it is a datagram socket, it serves. Changes errno. */
void serve_datagrams(int fd, bool adopted);

/* Tell the helper what has become of the socket with this inode. */
void tell_of_socket(enum message_kind kind, ino_t inode);

/* The adopted socket of this note listens now, or is not ours any more. */
void no_longer_unlistened(struct note *note);

#endif

/* Step 4 of an upgrade, in the new generation: bind() finds the inherited socket. */
#ifndef TFPRELOAD_ADOPT_H
#define TFPRELOAD_ADOPT_H

#include <stdbool.h>
#include <sys/socket.h>

struct file_status;

/*
 * bind() for a program inside a session: takes the inherited socket for this
 * address in place of `fd`, or binds as libc would. Returns and sets errno as
 * bind(2) does. Not in a signal handler.
 */
int bind_or_adopt(int fd, const struct sockaddr *address, socklen_t length);

/*
 * A socket of this process is bound to the file `fresh`, and is to be found at the path of `served`
 * now. Takes the socket that is inherited there in its place. False if none is, or if this process
 * has no such socket. Changes errno; not in a signal handler.
 */
bool adopt_at_path(const struct file_status *fresh, const struct file_status *served);

#endif

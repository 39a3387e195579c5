/* setsockopt() on a socket that another generation may have, too. */
#ifndef TFPRELOAD_OPTIONS_H
#define TFPRELOAD_OPTIONS_H

#include <sys/socket.h>

/* Returns and sets errno as setsockopt(2) does for the program. Not in a signal handler. */
int set_program_option(int fd, int level, int name, const void *value, socklen_t length);

#endif

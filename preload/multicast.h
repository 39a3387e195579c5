/* Multicast groups of which an adopted socket is a member before its program joins them. */
#ifndef TFPRELOAD_MULTICAST_H
#define TFPRELOAD_MULTICAST_H

#include <stdbool.h>

/*
 * setsockopt() has failed with errno. Did it try to join a group that `fd` has
 * been in since it was adopted? Keeps errno; not in a signal handler.
 */
bool has_inherited_membership(int fd, int level, int name);

#endif

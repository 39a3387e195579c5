/*
 * A group is joined after bind() as often as before it. The inherited socket is
 * a member already, since its predecessor has joined: then the kernel says so,
 * and the program has what it wants.
 */
#include "multicast.h"

#include <errno.h>
#include <netinet/in.h>

#include "descriptors.h"
#include "notes.h"

/* With a source the error is EADDRNOTAVAIL: ip_mc_source() and ip6_mc_source() in the kernel. */
static bool says_joined_already(int level, int name, int error)
{
    bool v6 = level == IPPROTO_IPV6;

    if (!v6 && level != IPPROTO_IP)
        return false;
    if (error == EADDRINUSE)
        return name == (v6 ? IPV6_JOIN_GROUP : IP_ADD_MEMBERSHIP) || name == MCAST_JOIN_GROUP;
    return error == EADDRNOTAVAIL &&
           (name == MCAST_JOIN_SOURCE_GROUP || (!v6 && name == IP_ADD_SOURCE_MEMBERSHIP));
}

bool has_inherited_membership(int fd, int level, int name)
{
    int error = errno;
    const struct note *note =
        says_joined_already(level, name, error) ? find_note(socket_inode(fd)) : NULL;

    errno = error;
    return note && note->adopted;
}

#include "vouch.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "helper/kernel/unix_sockets.h"
#include "preload/wire/keys.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

bool is_service_kind(int family, int type, int protocol)
{
    if (family == AF_UNIX)
        return protocol == 0 &&
               (type == SOCK_STREAM || type == SOCK_SEQPACKET || type == SOCK_DGRAM);
    if (family != AF_INET && family != AF_INET6)
        return false;
    switch (protocol) {
    case 0:
        return type == SOCK_STREAM || type == SOCK_DGRAM;
    case IPPROTO_TCP:
    case IPPROTO_MPTCP:
        return type == SOCK_STREAM;
    case IPPROTO_SCTP:
        return type == SOCK_STREAM || type == SOCK_SEQPACKET;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return type == SOCK_DGRAM;
    default:
        return false;
    }
}

/* The port that was asked for is the one that it is bound to, or was left to the kernel. */
static bool is_bound_to_internet(const struct listener_key *key, const struct listener_key *bound)
{
    struct listener_key asked = *bound;
    const size_t port = offsetof(struct sockaddr_in, sin_port); /* as in a sockaddr_in6 */

    if (asks_for_any_port(key))
        memset(asked.address + port, 0, sizeof(in_port_t));
    return key->address_length == asked.address_length &&
           memcmp(key->address, asked.address, sizeof asked.address) == 0;
}

/* A file's number is the kernel's word; its device has one name for stat(2) and one for sockets. */
static bool is_bound_to_file(const struct listener_key *key, uint64_t inode)
{
    struct listener_key named = *key;
    struct unix_socket local;
    uint64_t identity[2];

    memcpy(identity, key->address + 8, sizeof identity);
    set_file_identity(&named, identity[0], identity[1]);
    return memcmp(&named, key, sizeof named) == 0 && find_unix_socket(inode, &local) == IS_THERE &&
           local.has_file && local.file == (uint32_t)identity[1];
}

static bool is_bound(const struct listener_key *key, const struct listener_key *bound,
                     uint64_t inode)
{
    if (key->family != bound->family)
        return false;
    if (key->family != AF_UNIX)
        return is_bound_to_internet(key, bound);
    if (key->address[offsetof(struct sockaddr_un, sun_path)] == UNIX_FILE_MARK)
        return is_bound_to_file(key, inode);
    return key->address_length == bound->address_length &&
           memcmp(key->address, bound->address, sizeof key->address) == 0;
}

bool vouch_for(int fd, uint64_t inode, struct listener_key *key)
{
    struct listener_key bound;
    int listens = 0;
    socklen_t length = sizeof listens;

    if (listener_key_of(fd, NULL, 0, &bound) == -1 ||
        !is_service_kind(bound.family, bound.type, bound.protocol) ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == -1 ||
        (!listens && bound.type != SOCK_DGRAM))
        return false;
    if (is_bound(key, &bound, inode)) {
        memcpy(bound.address, key->address, sizeof bound.address);
        bound.address_length = key->address_length;
        /* the interface that it was bound to as it was bound: it may be another by now */
        memcpy(bound.device, key->device, sizeof bound.device);
        bound.device[sizeof bound.device - 1] = '\0';
    }
    *key = bound;
    return true;
}

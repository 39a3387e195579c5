/*
 * Before it binds, a server may connect to its own path or port, and give up when
 * somebody answers, or use what it finds there. A generation that starts finds nobody: its
 * predecessor would be gone without us. What it has bound itself it may reach.
 */
#include "probes.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/process/process.h"
#include "preload/wire/keys.h"

/* The generation of this process is ready, or never had a predecessor. */
static atomic_bool alone;

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

/* To connect to the wildcard is to connect to this machine: ip(7). */
static bool is_local(const struct sockaddr_storage *address, socklen_t length)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    uint32_t host;

    memcpy(&v4, address, sizeof v4);
    memcpy(&v6, address, sizeof v6);
    host = ntohl(v4.sin_addr.s_addr);
    switch (address->ss_family) {
    case AF_UNIX:
        return length > sizeof address->ss_family;
    case AF_INET:
        return length >= sizeof v4 && (host >> 24 == IN_LOOPBACKNET || host == INADDR_ANY);
    case AF_INET6:
        return length >= sizeof v6 && is_loopback(&v6.sin6_addr);
    default:
        return false;
    }
}

static bool may_be_a_probe(int fd, const struct sockaddr_storage *address, socklen_t length)
{
    int type = socket_option(fd, SO_TYPE);

    return (type == SOCK_STREAM || type == SOCK_SEQPACKET) && is_local(address, length) &&
           !is_connected(fd);
}

static bool leads_to_predecessor(int fd, const struct sockaddr *address, socklen_t length)
{
    struct message message = new_message(MESSAGE_CONNECT);
    int answer;

    if (listener_key_of(fd, address, length, &message.key) == -1)
        return false;
    answer = ask_helper(open_control_patiently(), &message, NULL);
    if (answer == ANSWER_CONNECT_ALWAYS && own_state())
        alone = true;
    return answer == ANSWER_REFUSE;
}

bool is_refused(int fd, const struct sockaddr *given, socklen_t length)
{
    int saved = errno;
    struct sockaddr_storage address = {0};
    bool refused = session.inherits && session.active && !alone && length <= sizeof address &&
                   read_program_memory(&address, given, length) &&
                   may_be_a_probe(fd, &address, length) &&
                   leads_to_predecessor(fd, (const struct sockaddr *)&address, length);

    errno = saved;
    return refused;
}

int refuse_connection(void)
{
    errno = ECONNREFUSED;
    return -1;
}

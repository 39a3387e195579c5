/*
 * Sending and receiving with addresses, as datagram servers do, for TFPRELOAD_UDP=sessions: without
 * that, each is libc's behind one load. A stream has no addresses, and no wrapper on read, write,
 * send or recv.
 *
 * Where the program points is only read once the kernel has done so, or by way of the kernel: what
 * cannot be read is EFAULT, and no crash.
 */
#include <stdbool.h>
#include <sys/socket.h>

#include "export.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/real.h"
#include "preload/process/peers.h"

/* In one call: sendmmsg(2). */
enum { MOST_MESSAGES = 1024 };

/* What came out of the error queue names whom it was meant for. */
static void received(int fd, const struct msghdr *message, int flags)
{
    if (message->msg_name && !(flags & MSG_ERRQUEUE))
        note_received(fd, message->msg_name, message->msg_namelen);
}

static void sent(int fd, const struct msghdr *message)
{
    if (message->msg_name)
        note_sent(fd, message->msg_name, message->msg_namelen);
}

/* With a successor there: before the answer can arrive. */
static void about_to_send(int fd, const void *address, socklen_t length)
{
    struct sockaddr_storage copy;

    if (length <= sizeof copy && read_program_memory(&copy, address, length))
        note_sent(fd, (const struct sockaddr *)&copy, length);
}

static void about_to_send_message(int fd, const struct msghdr *message)
{
    struct msghdr copy;

    if (read_program_memory(&copy, message, sizeof copy) && copy.msg_name)
        about_to_send(fd, copy.msg_name, copy.msg_namelen);
}

EXPORT(ssize_t, recvfrom,
       (int fd, void *buffer, size_t size, int flags, struct sockaddr *address, socklen_t *length))
{
    ssize_t result = real()->recvfrom(fd, buffer, size, flags, address, length);

    if (result >= 0 && address && keeps_peers() && !(flags & MSG_ERRQUEUE))
        note_received(fd, address, *length);
    return result;
}

/* What -D_FORTIFY_SOURCE makes of it. */
EXPORT(ssize_t, __recvfrom_chk,
       (int fd, void *buffer, size_t size, size_t room, int flags, struct sockaddr *address,
        socklen_t *length))
{
    ssize_t result = real()->__recvfrom_chk(fd, buffer, size, room, flags, address, length);

    if (result >= 0 && address && keeps_peers() && !(flags & MSG_ERRQUEUE))
        note_received(fd, address, *length);
    return result;
}

EXPORT(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags))
{
    ssize_t result = real()->recvmsg(fd, message, flags);

    if (result >= 0 && keeps_peers())
        received(fd, message, flags);
    return result;
}

EXPORT(int, recvmmsg,
       (int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout))
{
    int result = real()->recvmmsg(fd, messages, count, flags, timeout);

    for (int i = 0; i < result && keeps_peers(); i++)
        received(fd, &messages[i].msg_hdr, flags);
    return result;
}

EXPORT(ssize_t, sendto,
       (int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
        socklen_t length))
{
    bool before = address && has_peer_successor();
    ssize_t result;

    if (before)
        about_to_send(fd, address, length);
    result = real()->sendto(fd, data, size, flags, address, length);
    if (!before && result >= 0 && address && keeps_peers())
        note_sent(fd, address, length);
    return result;
}

EXPORT(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags))
{
    bool before = has_peer_successor();
    ssize_t result;

    if (before)
        about_to_send_message(fd, message);
    result = real()->sendmsg(fd, message, flags);
    if (!before && result >= 0 && keeps_peers())
        sent(fd, message);
    return result;
}

EXPORT(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags))
{
    bool before = has_peer_successor();
    int result;

    for (unsigned i = 0; before && i < count && i < MOST_MESSAGES; i++)
        about_to_send_message(fd, &messages[i].msg_hdr);
    result = real()->sendmmsg(fd, messages, count, flags);
    for (int i = 0; !before && i < result && keeps_peers(); i++)
        sent(fd, &messages[i].msg_hdr);
    return result;
}

/*
 * The library's end of the control socket. Everything here may run in a signal
 * handler of a program that we know nothing about, so it uses raw system calls
 * and no descriptor survives the exchange.
 */
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>

#include "kernel.h"
#include "process.h"

/* A helper that is stopped must not hang the server: connect, send and receive give up. */
enum { PATIENCE = 1, GREAT_PATIENCE = 10 };

static int connect_to_helper(int seconds)
{
    const struct timeval patience = {seconds, 0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t prefix = sizeof SOCKET_PREFIX - 1;
    int control = kernel_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int result;

    if (control == -1)
        return -1;
    memcpy(address.sun_path + 1, SOCKET_PREFIX, prefix);
    memcpy(address.sun_path + 1 + prefix, session.name, SESSION_NAME_LENGTH);
    kernel_setsockopt(control, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    kernel_setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    do
        result = kernel_connect(
            control, &address,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + prefix + SESSION_NAME_LENGTH));
    while (result == -1 && errno == EINTR);
    if (result == -1) {
        int error = errno;

        kernel_close(control);
        errno = error;
        return -1;
    }
    return control;
}

int open_control(void)
{
    return connect_to_helper(PATIENCE);
}

int open_control_patiently(void)
{
    return connect_to_helper(GREAT_PATIENCE);
}

struct message new_message(enum message_kind kind)
{
    struct message message;

    memset(&message, 0, sizeof message);
    message.magic = PROTOCOL_MAGIC;
    message.version = PROTOCOL_VERSION;
    message.kind = (uint16_t)kind;
    message.generation = session.generation;
    return message;
}

int send_message(int control, const struct message *message, int pass)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } rights = {.space = {0}};
    struct iovec part = {(void *)message, sizeof *message};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (pass != -1) {
        packet.msg_control = &rights;
        packet.msg_controllen = sizeof rights;
        rights.header.cmsg_level = SOL_SOCKET;
        rights.header.cmsg_type = SCM_RIGHTS;
        rights.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&rights.header), &pass, sizeof pass);
    }
    do
        sent = kernel_sendmsg(control, &packet, MSG_NOSIGNAL);
    while (sent == -1 && errno == EINTR);
    return sent == -1 ? -1 : 0;
}

static int take_descriptors(struct msghdr *packet, int *descriptors, int most)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(packet);
    int count;

    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return 0;
    count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < count; i++) {
        int descriptor;

        memcpy(&descriptor, CMSG_DATA(header) + (size_t)i * sizeof(int), sizeof descriptor);
        if (i < most)
            descriptors[i] = descriptor;
        else /* the padding of ancillary data has room for more than was asked for: cmsg(3) */
            kernel_close(descriptor);
    }
    return count < most ? count : most;
}

int receive_message(int control, struct message *message, int *descriptors, int most)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(REPLACEMENTS * sizeof(int))];
    } rights;
    struct iovec part = {message, sizeof *message};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t size;
    int count;

    packet.msg_control = &rights;
    packet.msg_controllen = CMSG_SPACE((size_t)most * sizeof(int));
    do
        size = kernel_recvmsg(control, &packet, MSG_CMSG_CLOEXEC);
    while (size == -1 && errno == EINTR);
    if (size == -1)
        return -1;
    count = most > 0 ? take_descriptors(&packet, descriptors, most) : 0;
    if (size == sizeof *message && !(packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
        message->magic == PROTOCOL_MAGIC && message->version == PROTOCOL_VERSION)
        return count;
    for (int i = 0; i < count; i++)
        kernel_close(descriptors[i]);
    /* unix(7): no room in the descriptor table truncates the ancillary data */
    errno = packet.msg_flags & MSG_CTRUNC ? EMFILE : EPROTO;
    return -1;
}

int ask_helper(int control, struct message *message, int *descriptor)
{
    int received = -1;

    if (descriptor)
        *descriptor = -1;
    if (control == -1)
        return 0;
    if (send_message(control, message, -1) == 0)
        received = receive_message(control, message, descriptor, descriptor ? 1 : 0);
    if (descriptor && received < 1)
        *descriptor = -1;
    kernel_close(control);
    return received == -1 ? 0 : message->kind;
}

int tell_helper(const struct message *message)
{
    int control = open_control();
    int result;

    if (control == -1)
        return -1;
    result = send_message(control, message, -1);
    kernel_close(control);
    return result;
}

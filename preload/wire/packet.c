/*
 * Raw system calls, since a signal handler may be here. CMSG_NXTHDR is a function of
 * glibc's alone where it is not inlined, and the library must load with others: what the
 * kernel has written is walked through by hand.
 */
#include "packet.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "preload/kernel/kernel.h"

union rights {
    struct cmsghdr header;
    char space[CMSG_SPACE(MOST_RIGHTS * sizeof(int))];
};

/* The kernel puts the credentials before the descriptors. */
union ancillary {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(MOST_RIGHTS * sizeof(int))];
};

static void attach_descriptors(struct msghdr *message, union rights *rights, const int *descriptors,
                               size_t count)
{
    memset(rights, 0, sizeof *rights);
    rights->header.cmsg_level = SOL_SOCKET;
    rights->header.cmsg_type = SCM_RIGHTS;
    rights->header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&rights->header), descriptors, count * sizeof(int));
    message->msg_control = rights;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
}

int send_packet(int fd, const struct outgoing *packet, int flags)
{
    union rights rights;
    struct iovec part = {(void *)packet->data, packet->size};
    struct msghdr message = {.msg_name = (void *)packet->address,
                             .msg_namelen = packet->address_length,
                             .msg_iov = &part,
                             .msg_iovlen = 1};
    ssize_t sent;

    if (packet->count > MOST_RIGHTS) {
        errno = EINVAL;
        return -1;
    }
    if (packet->count > 0)
        attach_descriptors(&message, &rights, packet->descriptors, packet->count);
    do
        sent = kernel_sendmsg(fd, &message, flags | MSG_NOSIGNAL);
    while (sent == -1 && errno == EINTR);
    return sent == -1 ? -1 : 0;
}

/* Keeps those that there is room for and closes the others. Returns how many there were. */
static size_t take_descriptors(struct incoming *packet, const struct cmsghdr *header)
{
    size_t came = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < came; i++) {
        int descriptor;

        memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
        if (packet->count < packet->most)
            packet->descriptors[packet->count++] = descriptor;
        else /* ancillary data is padded, which may be room for one more: cmsg(3) */
            kernel_close(descriptor);
    }
    return came;
}

/* Returns how many descriptors came. */
static size_t take_ancillary_data(struct incoming *packet, const union ancillary *ancillary,
                                  size_t size)
{
    size_t came = 0;
    size_t at = 0;

    while (at + sizeof(struct cmsghdr) <= size) {
        const struct cmsghdr *header = (const void *)(ancillary->space + at);

        if (header->cmsg_len < CMSG_LEN(0))
            break;
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            came += take_descriptors(packet, header);
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS &&
            packet->sender && header->cmsg_len >= CMSG_LEN(sizeof *packet->sender))
            memcpy(packet->sender, CMSG_DATA(header), sizeof *packet->sender);
        at += CMSG_ALIGN(header->cmsg_len);
    }
    return came;
}

/* The errno of a packet that is not what was asked for, or 0. */
static int fault_of_packet(const struct incoming *packet, size_t came, int flags)
{
    if (came > packet->most)
        return EPROTO;
    /* unix(7): more than there was room for, or no place in the table of descriptors */
    if (flags & MSG_CTRUNC)
        return came < packet->most ? EMFILE : EPROTO;
    return flags & MSG_TRUNC ? EMSGSIZE : 0;
}

void close_received(struct incoming *packet)
{
    int saved = errno;

    while (packet->count > 0)
        kernel_close(packet->descriptors[--packet->count]);
    errno = saved;
}

ssize_t receive_packet(int fd, struct incoming *packet, int flags)
{
    union ancillary ancillary;
    struct iovec part = {packet->data, packet->room};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &ancillary};
    ssize_t size;
    size_t came;

    if (packet->sender) {
        memset(packet->sender, 0, sizeof *packet->sender);
        message.msg_controllen = CMSG_SPACE(sizeof *packet->sender);
    }
    if (packet->most > 0) /* as few as possible: what comes uninvited takes up our table */
        message.msg_controllen += CMSG_SPACE(packet->most * sizeof(int));
    packet->count = 0;
    do
        size = kernel_recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
    while (size == -1 && errno == EINTR);
    if (size == -1)
        return -1;
    came = take_ancillary_data(packet, &ancillary, message.msg_controllen);
    errno = fault_of_packet(packet, came, message.msg_flags);
    if (errno == 0 && size > 0)
        return size;
    close_received(packet);
    return errno == 0 ? 0 : -1;
}

#include "packet.h"

#include <string.h>

bool send_packet(int fd, const struct packet *packet)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(MOST_RIGHTS * sizeof(int))];
    } rights;
    struct iovec part = {(void *)packet->data, packet->size};
    struct msghdr message = {.msg_name = (void *)packet->address,
                             .msg_namelen = packet->address_length,
                             .msg_iov = &part,
                             .msg_iovlen = 1};

    if (packet->count > 0) {
        memset(&rights, 0, sizeof rights);
        message.msg_control = &rights;
        message.msg_controllen = CMSG_SPACE(packet->count * sizeof(int));
        rights.header.cmsg_level = SOL_SOCKET;
        rights.header.cmsg_type = SCM_RIGHTS;
        rights.header.cmsg_len = CMSG_LEN(packet->count * sizeof(int));
        memcpy(CMSG_DATA(&rights.header), packet->descriptors, packet->count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)packet->size;
}

/*
 * The macros of netlink(3) and rtnetlink(3) subtract the padding behind an entry, too, from what is
 * left: behind the last one, that may be more than there is, and a size has no sign.
 */
#include "sock_diag_answer.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "tcp_activity.h"
#include "unix_socket.h"

/* How many bytes further the next one begins, behind one of this length: all that is left at the
 * end. */
static size_t step_over(size_t length, size_t left)
{
    size_t padded = NLMSG_ALIGN(length);

    return padded < left ? padded : left;
}

const void *body_of_entry(const struct nlmsghdr *entry, size_t least)
{
    return entry->nlmsg_len >= NLMSG_LENGTH(least) ? NLMSG_DATA(entry) : NULL;
}

/* The errno that an entry of this type brings; EPROTO if there is none in it. */
static int error_in(const struct nlmsghdr *entry)
{
    const struct nlmsgerr *body = body_of_entry(entry, sizeof body->error);

    return body && body->error < 0 && body->error > INT32_MIN ? -body->error : EPROTO;
}

int visit_entries(const void *datagram, size_t size,
                  bool (*visit)(const struct nlmsghdr *entry, void *argument), void *argument)
{
    const char *at = datagram;

    while (NLMSG_OK((const struct nlmsghdr *)(const void *)at, size)) {
        const struct nlmsghdr *entry = (const void *)at;
        size_t step = step_over(entry->nlmsg_len, size);

        if (entry->nlmsg_type == NLMSG_ERROR) {
            errno = error_in(entry);
            return -1;
        }
        if (entry->nlmsg_type == NLMSG_DONE || !visit(entry, argument))
            return 0;
        at += step;
        size -= step;
    }
    return 1;
}

static void read_file(struct unix_socket *socket, const struct unix_diag_vfs *vfs)
{
    /* the kernel's own dev_t: twelve bits of major number above twenty of minor */
    socket->has_file = true;
    socket->device = makedev(vfs->udiag_vfs_dev >> 20, vfs->udiag_vfs_dev & 0xfffff);
    socket->file = vfs->udiag_vfs_ino;
}

static void read_queue(struct unix_socket *socket, const struct unix_diag_rqlen *queue)
{
    socket->has_queue = true;
    socket->queue = queue->udiag_rqueue;
    socket->backlog = queue->udiag_wqueue;
}

/* Call visit() for each attribute of an entry, behind its body of this size. */
static void visit_attributes(const struct nlmsghdr *entry, size_t body,
                             void (*visit)(void *argument, const struct rtattr *attribute),
                             void *argument)
{
    const char *at = (const char *)NLMSG_DATA(entry) + body;
    size_t left = entry->nlmsg_len - NLMSG_LENGTH(body);

    while (RTA_OK((const struct rtattr *)(const void *)at, left)) {
        const struct rtattr *attribute = (const void *)at;
        size_t step = step_over(attribute->rta_len, left);

        visit(argument, attribute);
        at += step;
        left -= step;
    }
}

static void read_unix_attribute(void *argument, const struct rtattr *attribute)
{
    struct unix_socket *socket = argument;
    const void *data = RTA_DATA(attribute);
    size_t length = RTA_PAYLOAD(attribute);

    if (attribute->rta_type == UNIX_DIAG_NAME && length <= sizeof socket->name) {
        memcpy(socket->name, data, length);
        socket->name_length = length;
    } else if (attribute->rta_type == UNIX_DIAG_VFS && length >= sizeof(struct unix_diag_vfs)) {
        read_file(socket, data);
    } else if (attribute->rta_type == UNIX_DIAG_RQLEN && length >= sizeof(struct unix_diag_rqlen)) {
        read_queue(socket, data);
    }
}

bool read_unix_entry(const struct nlmsghdr *entry, struct unix_socket *socket)
{
    const struct unix_diag_msg *body = body_of_entry(entry, sizeof *body);

    if (!body)
        return false;
    *socket = (struct unix_socket){.inode = body->udiag_ino,
                                   .type = body->udiag_type,
                                   .listens = body->udiag_state == TCP_LISTEN};
    visit_attributes(entry, sizeof *body, read_unix_attribute, socket);
    return true;
}

static void read_tcp_attribute(void *activity, const struct rtattr *attribute)
{
    if (attribute->rta_type == INET_DIAG_INFO)
        read_tcp_info(RTA_DATA(attribute), RTA_PAYLOAD(attribute), activity);
}

enum lookup read_tcp_answer(const void *datagram, size_t size, uint32_t sequence,
                            unsigned long long inode, struct tcp_activity *activity)
{
    const struct nlmsghdr *entry = datagram;
    const struct inet_diag_msg *body;

    if (!NLMSG_OK(entry, size) || entry->nlmsg_seq != sequence)
        return CANNOT_TELL;
    if (entry->nlmsg_type == NLMSG_ERROR) {
        int error = error_in(entry);

        return error == ENOENT || error == ESTALE ? IS_GONE : CANNOT_TELL;
    }
    body = body_of_entry(entry, sizeof *body);
    if (!body)
        return CANNOT_TELL;
    if (body->idiag_inode != (uint32_t)inode)
        return IS_GONE;
    if (activity) {
        *activity = (struct tcp_activity){.unread = body->idiag_rqueue,
                                          .unacknowledged = body->idiag_wqueue,
                                          .unsent = body->idiag_wqueue,
                                          .quiet = -1};
        visit_attributes(entry, sizeof *body, read_tcp_attribute, activity);
    }
    return IS_THERE;
}

/* What sock_diag(7) answers, whole and cut: helper/kernel/sock_diag_answer.c. */
#include "helper/kernel/sock_diag_answer.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>

#include "helper/kernel/tcp_activity.h"
#include "helper/kernel/unix_socket.h"
#include "unit.h"

/* A page that the next one behind it may not be read. */
static char *page;
static const size_t page_size = 4096;
static const size_t header_size = NLMSG_HDRLEN;

/* Where `size` bytes end with the page. */
static void *at_the_end(size_t size)
{
    if (!page) {
        page =
            mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(CHECK(page != MAP_FAILED && munmap(page + page_size, page_size) == 0));
    }
    memset(page, 0, page_size);
    return page + page_size - size;
}

static struct nlmsghdr *put_entry(void *at, uint16_t type, size_t length)
{
    struct nlmsghdr *entry = at;

    entry->nlmsg_type = type;
    entry->nlmsg_len = (uint32_t)length;
    return entry;
}

static int visited;

static bool count(const struct nlmsghdr *entry, void *argument)
{
    (void)entry;
    (void)argument;
    return ++visited < 100;
}

static int visit(const void *datagram, size_t size)
{
    visited = 0;
    return visit_entries(datagram, size, count, NULL);
}

TEST("entries are visited up to the end of the list")
{
    char *list = at_the_end(3 * header_size);

    put_entry(list, SOCK_DIAG_BY_FAMILY, header_size);
    put_entry(list + header_size, SOCK_DIAG_BY_FAMILY, header_size);
    put_entry(list + 2 * header_size, NLMSG_DONE, header_size);
    CHECK_INT(visit(list, 2 * header_size), 1);
    CHECK_INT(visited, 2);
    CHECK_INT(visit(list, 3 * header_size), 0);
    CHECK_INT(visited, 2);
    CHECK_INT(visit(list, 0), 1);
}

TEST("the last entry is as long as it says, without the padding that the next one would need")
{
    const size_t length = header_size + 4;
    char *list = at_the_end(length);

    for (size_t size = header_size; size <= length; size++) {
        put_entry(list, SOCK_DIAG_BY_FAMILY, size);
        CHECK_INT(visit(list, size), 1);
        CHECK_INT(visited, 1);
    }
}

TEST("an entry that says it is longer than what came is none")
{
    void *list = at_the_end(header_size);

    put_entry(list, SOCK_DIAG_BY_FAMILY, header_size + 1);
    CHECK_INT(visit(list, header_size), 1);
    put_entry(list, SOCK_DIAG_BY_FAMILY, header_size - 1);
    CHECK_INT(visit(list, header_size), 1);
    CHECK_INT(visited, 0);
}

TEST("an error, and one that is cut off")
{
    struct nlmsghdr *entry = at_the_end(NLMSG_LENGTH(sizeof(int)));

    put_entry(entry, NLMSG_ERROR, NLMSG_LENGTH(sizeof(int)));
    *(int *)NLMSG_DATA(entry) = -ENOENT;
    CHECK_INT(visit(entry, entry->nlmsg_len), -1);
    CHECK_INT(errno, ENOENT);
    entry = at_the_end(header_size);
    put_entry(entry, NLMSG_ERROR, header_size);
    CHECK_INT(visit(entry, header_size), -1);
    CHECK_INT(errno, EPROTO);
}

/* An entry for a unix socket with one attribute, of which `payload` bytes are there. */
static bool read_with(uint16_t type, size_t payload, struct unix_socket *socket)
{
    const size_t length = NLMSG_LENGTH(sizeof(struct unix_diag_msg)) + RTA_LENGTH(payload);
    struct nlmsghdr *entry = at_the_end(length);
    struct unix_diag_msg *body = NLMSG_DATA(entry);
    struct rtattr *attribute = (void *)(body + 1);

    put_entry(entry, SOCK_DIAG_BY_FAMILY, length);
    body->udiag_ino = 4711;
    attribute->rta_type = type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(payload);
    memset(RTA_DATA(attribute), 'x', payload);
    return read_unix_entry(entry, socket);
}

TEST("the attributes of a unix socket")
{
    struct unix_socket socket;

    CHECK(read_with(UNIX_DIAG_NAME, 8, &socket));
    CHECK_INT(socket.inode, 4711);
    CHECK_INT(socket.name_length, 8);
    CHECK(read_with(UNIX_DIAG_VFS, 8, &socket));
    CHECK(socket.has_file);
    CHECK(read_with(UNIX_DIAG_RQLEN, 8, &socket));
    CHECK(socket.has_queue);
}

TEST("attributes that are shorter than what they should hold, or longer, are passed over")
{
    struct unix_socket socket;

    CHECK(read_with(UNIX_DIAG_VFS, 4, &socket));
    CHECK(!socket.has_file);
    CHECK(read_with(UNIX_DIAG_RQLEN, 0, &socket));
    CHECK(!socket.has_queue);
    CHECK(read_with(UNIX_DIAG_NAME, sizeof socket.name + 4, &socket));
    CHECK_INT(socket.name_length, 0);
}

TEST("an entry that is shorter than a socket is none")
{
    struct unix_socket socket;
    struct nlmsghdr *entry = at_the_end(NLMSG_LENGTH(4));

    put_entry(entry, SOCK_DIAG_BY_FAMILY, NLMSG_LENGTH(4));
    CHECK(!read_unix_entry(entry, &socket));
    CHECK(body_of_entry(entry, sizeof(struct inet_diag_msg)) == NULL);
    CHECK_INT(read_tcp_answer(entry, NLMSG_LENGTH(4), 0, 4711, NULL), CANNOT_TELL);
}

TEST("the answer about one connection")
{
    const size_t length = NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    struct nlmsghdr *entry = at_the_end(length);

    put_entry(entry, SOCK_DIAG_BY_FAMILY, length)->nlmsg_seq = 7;
    ((struct inet_diag_msg *)NLMSG_DATA(entry))->idiag_inode = 4711;
    CHECK_INT(read_tcp_answer(entry, length, 7, 4711, NULL), IS_THERE);
    CHECK_INT(read_tcp_answer(entry, length, 7, 4712, NULL), IS_GONE);
    CHECK_INT(read_tcp_answer(entry, length, 8, 4711, NULL), CANNOT_TELL);
    CHECK_INT(read_tcp_answer(entry, length - 1, 7, 4711, NULL), CANNOT_TELL);
}

/* An entry about inode 4711, with what tcp_info(7) holds of it, cut to this size. */
static struct tcp_activity activity_of(const struct tcp_info *info, size_t size)
{
    const size_t body = NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    const size_t length = body + RTA_LENGTH(size);
    struct nlmsghdr *entry = at_the_end(length);
    struct inet_diag_msg *message;
    struct rtattr *attribute = (void *)((char *)entry + body);
    struct tcp_activity activity = {0};

    put_entry(entry, SOCK_DIAG_BY_FAMILY, length)->nlmsg_seq = 7;
    message = NLMSG_DATA(entry);
    message->idiag_inode = 4711;
    message->idiag_rqueue = 10;
    message->idiag_wqueue = 20;
    attribute->rta_type = INET_DIAG_INFO;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    memcpy(RTA_DATA(attribute), info, size);
    CHECK_INT(read_tcp_answer(entry, length, 7, 4711, &activity), IS_THERE);
    return activity;
}

TEST("what goes on on a connection")
{
    struct tcp_info info = {.tcpi_last_data_sent = 100,
                            .tcpi_last_data_recv = 300,
                            .tcpi_last_ack_recv = 300,
                            .tcpi_data_segs_out = 1,
                            .tcpi_bytes_received = 1,
                            .tcpi_notsent_bytes = 5};
    struct tcp_activity activity = activity_of(&info, sizeof info);

    CHECK_INT(activity.unread, 10);
    CHECK_INT(activity.unacknowledged, 20);
    CHECK_INT(activity.unsent, 5);
    CHECK_INT(activity.quiet, 100000000);
    CHECK(activity.answered && !activity.asked);
    info.tcpi_last_data_sent = 500;
    activity = activity_of(&info, sizeof info);
    CHECK_INT(activity.quiet, 300000000);
    CHECK(activity.asked && !activity.answered);
    /* within one tick: an acknowledgement that came later tells */
    info.tcpi_last_data_sent = 300;
    activity = activity_of(&info, sizeof info);
    CHECK(!activity.asked && !activity.answered);
    info.tcpi_last_ack_recv = 260;
    CHECK(activity_of(&info, sizeof info).answered);
    info.tcpi_data_segs_out = 0;
    CHECK(activity_of(&info, sizeof info).asked);
    /* a kernel that says less */
    activity = activity_of(&info, 40);
    CHECK_INT(activity.quiet, -1);
    CHECK(!activity.asked && !activity.answered);
}

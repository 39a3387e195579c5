/* Packets that pass descriptors, as hostile as unix(7) allows: preload/wire/packet.c. */
#include "preload/wire/packet.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "preload/wire/messages.h"
#include "unit.h"

enum { MOST_SENT = 253 }; /* SCM_MAX_FD */

static int here, there; /* two ends of a connection */
static char buffer[100];
static int received[MOST_RIGHTS];

static void connect_ends(int type)
{
    int ends[2];

    REQUIRE(CHECK_INT(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0));
    here = ends[0];
    there = ends[1];
}

static int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* `bytes` bytes, and `count` descriptors in `headers` pieces; with credentials, if that is asked.
 */
static void send_hostile(size_t bytes, int count, int headers, bool credentials)
{
    static char data[200000];
    union {
        struct cmsghdr header;
        char space[2 * CMSG_SPACE(MOST_SENT * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } ancillary = {.space = {0}};
    const struct ucred me = {getpid(), getuid(), getgid()};
    struct iovec part = {data, bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &ancillary};
    struct cmsghdr *header = &ancillary.header;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    for (int i = 0; i < headers; i++) {
        size_t size = (size_t)(count / headers) * sizeof(int);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        for (int k = 0; k < count / headers; k++)
            memcpy(CMSG_DATA(header) + (size_t)k * sizeof(int), &null, sizeof null);
        message.msg_controllen += CMSG_SPACE(size);
        header = (void *)(ancillary.space + message.msg_controllen);
    }
    if (credentials) {
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_CREDENTIALS;
        header->cmsg_len = CMSG_LEN(sizeof me);
        memcpy(CMSG_DATA(header), &me, sizeof me);
        message.msg_controllen += CMSG_SPACE(sizeof me);
    }
    REQUIRE(CHECK_INT(sendmsg(here, &message, MSG_NOSIGNAL), bytes));
    close(null);
}

/* Receive with room for `most`; the size or -1. */
static ssize_t receive(size_t most, struct incoming *packet)
{
    *packet = (struct incoming){
        .data = buffer, .room = sizeof buffer, .descriptors = received, .most = most};
    return receive_packet(there, packet, MSG_DONTWAIT);
}

/* That such a packet is refused for this reason, and leaves no descriptor open. */
static void check_refused(size_t bytes, int count, int headers, size_t most, int error)
{
    int before = count_descriptors();
    struct incoming packet;

    send_hostile(bytes, count, headers, false);
    CHECK_INT(receive(most, &packet), -1);
    CHECK_INT(errno, error);
    CHECK_INT(packet.count, 0);
    if (!CHECK_INT(count_descriptors(), before))
        printf("# after %d descriptors in %d headers, asked for %zu\n", count, headers, most);
}

TEST("a packet goes over as it is, with its descriptors, which are closed on exec")
{
    const int sent[] = {0, 1, 2};
    const struct outgoing out = {.data = "hello", .size = 5, .descriptors = sent, .count = 3};
    struct incoming packet;

    connect_ends(SOCK_SEQPACKET);
    CHECK_INT(send_packet(here, &out, 0), 0);
    CHECK_INT(receive(3, &packet), 5);
    CHECK_INT(packet.count, 3);
    CHECK(memcmp(buffer, "hello", 5) == 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(fcntl(received[i], F_GETFD), FD_CLOEXEC);
}

TEST("every number of descriptors, asked for or not")
{
    static const size_t asked[] = {0, 1, 2, 3, 63, 64};

    connect_ends(SOCK_SEQPACKET);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        for (int count = 0; count <= MOST_SENT; count += count < 70 ? 1 : 61) {
            int before = count_descriptors();
            struct incoming packet;

            if ((size_t)count > asked[i]) {
                check_refused(10, count, 1, asked[i], EPROTO);
                continue;
            }
            send_hostile(10, count, count > 0, false);
            CHECK_INT(receive(asked[i], &packet), 10);
            CHECK_INT(packet.count, count);
            close_received(&packet);
            CHECK_INT(count_descriptors(), before);
        }
    }
}

TEST("descriptors in several headers")
{
    struct incoming packet;

    connect_ends(SOCK_SEQPACKET);
    check_refused(10, 2, 2, 1, EPROTO);
    check_refused(10, 4, 2, 3, EPROTO);
    check_refused(10, 200, 2, 64, EPROTO);
    send_hostile(10, 4, 2, false);
    CHECK_INT(receive(4, &packet), 10);
    CHECK_INT(packet.count, 4);
}

TEST("a packet that is too long, with descriptors")
{
    connect_ends(SOCK_SEQPACKET);
    check_refused(sizeof buffer + 1, 0, 0, 1, EMSGSIZE);
    check_refused(sizeof buffer + 1, 1, 1, 1, EMSGSIZE);
    check_refused(60000, 64, 1, 64, EMSGSIZE);
    check_refused(60000, 3, 1, 1, EPROTO);
}

TEST("a packet of no bytes that passes descriptors")
{
    int before;
    struct incoming packet;

    connect_ends(SOCK_SEQPACKET);
    before = count_descriptors();
    send_hostile(0, 1, 1, false);
    CHECK_INT(receive(1, &packet), 0);
    CHECK_INT(packet.count, 0);
    CHECK_INT(count_descriptors(), before);
}

TEST("credentials among them, wanted or not")
{
    const int yes = 1;
    struct ucred sender;
    struct incoming packet = {.data = buffer,
                              .room = sizeof buffer,
                              .descriptors = received,
                              .most = 2,
                              .sender = &sender};
    int before;

    connect_ends(SOCK_SEQPACKET);
    REQUIRE(CHECK_INT(setsockopt(there, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), 0));
    before = count_descriptors();
    send_hostile(10, 2, 1, true);
    CHECK_INT(receive_packet(there, &packet, 0), 10);
    CHECK_INT(packet.count, 2);
    CHECK_INT(sender.pid, getpid());
    close_received(&packet);
    send_hostile(10, 3, 1, true);
    CHECK_INT(receive_packet(there, &packet, 0), -1);
    CHECK_INT(sender.pid, getpid());
    /* nobody asked for them, and then they take up the room of the descriptors */
    send_hostile(10, 2, 1, true);
    CHECK_INT(receive(2, &packet), -1);
    CHECK_INT(count_descriptors(), before);
}

TEST("a sender that the kernel does not name is nobody")
{
    struct ucred sender = {4711, 4711, 4711};
    struct incoming packet = {.data = buffer, .room = sizeof buffer, .sender = &sender};

    connect_ends(SOCK_SEQPACKET);
    send_hostile(1, 0, 0, false);
    CHECK_INT(receive_packet(there, &packet, 0), 1);
    CHECK_INT(sender.pid, 0);
}

TEST("no place in the table of descriptors")
{
    struct rlimit limit;
    struct incoming packet;
    int next;

    connect_ends(SOCK_SEQPACKET);
    send_hostile(10, 1, 1, false);
    send_hostile(10, 3, 1, false);
    next = dup(0);
    close(next);
    REQUIRE(CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0));
    limit.rlim_cur = (rlim_t)next;
    REQUIRE(CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0));
    CHECK_INT(receive(1, &packet), -1);
    CHECK_INT(errno, EMFILE);
    limit.rlim_cur = (rlim_t)next + 2; /* for two of three */
    REQUIRE(CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0));
    CHECK_INT(receive(3, &packet), -1);
    CHECK_INT(errno, EMFILE);
    CHECK_INT(dup(0), next);
}

TEST("the end of a connection, and nothing there yet")
{
    struct incoming packet;

    connect_ends(SOCK_SEQPACKET);
    CHECK_INT(receive(1, &packet), -1);
    CHECK_INT(errno, EAGAIN);
    close(here);
    CHECK_INT(receive(1, &packet), 0);
    CHECK_INT(send_packet(there, &(struct outgoing){.data = "x", .size = 1}, 0), -1);
    CHECK_INT(errno, EPIPE);
}

TEST("more descriptors than a packet has room for are not sent")
{
    static const int many[MOST_RIGHTS + 1];
    const struct outgoing packet = {"x", 1, many, MOST_RIGHTS + 1, NULL, 0};

    connect_ends(SOCK_SEQPACKET);
    CHECK_INT(send_packet(here, &packet, 0), -1);
    CHECK_INT(errno, EINVAL);
}

/* ---- messages: what is wrong with them is found behind the packet ---- */

static ssize_t receive_answer(struct message *message, size_t most, struct incoming *packet)
{
    *packet = (struct incoming){
        .data = message, .room = sizeof *message, .descriptors = received, .most = most};
    return receive_message(there, packet, FROM_HELPER, NULL, MSG_DONTWAIT);
}

static void send_message(const struct message *message, size_t size, size_t count)
{
    static const int standard[MOST_RIGHTS];
    const struct outgoing packet = {message, size, standard, count, NULL, 0};

    REQUIRE(CHECK_INT(send_packet(here, &packet, 0), 0));
}

TEST("an answer with its descriptor")
{
    struct message message = message_of_kind(ANSWER_ADOPT, 0);
    struct incoming packet;

    connect_ends(SOCK_SEQPACKET);
    send_message(&message, sizeof message, 1);
    CHECK_INT(receive_answer(&message, 1, &packet), sizeof message);
    CHECK_INT(message.kind, ANSWER_ADOPT);
    CHECK_INT(packet.count, 1);
}

TEST("wrong answers close what came with them")
{
    static const struct {
        size_t kind, version, size, count;
        int error;
    } wrong[] = {
        {ANSWER_ADOPT, PROTOCOL_VERSION, sizeof(struct message) - 1, 1, EPROTO},
        {ANSWER_ADOPT, PROTOCOL_VERSION, 4, 1, EPROTO},
        {ANSWER_ADOPT, PROTOCOL_VERSION, sizeof(struct message), 0, EPROTO},
        {ANSWER_ADOPT, PROTOCOL_VERSION, sizeof(struct message), 2, EPROTO},
        {ANSWER_ADOPT, PROTOCOL_VERSION + 1, sizeof(struct message), 1, EPROTONOSUPPORT},
        {ANSWER_ADOPT, PROTOCOL_VERSION - 1, sizeof(struct message), 1, EPROTONOSUPPORT},
        {ANSWER_BIND_YOURSELF, PROTOCOL_VERSION, sizeof(struct message), 1, EPROTO},
        {MESSAGE_LISTENER, PROTOCOL_VERSION, sizeof(struct message), 1, EPROTO},
        {ANSWERS_END, PROTOCOL_VERSION, sizeof(struct message), 1, EPROTO},
        {0, PROTOCOL_VERSION, sizeof(struct message), 1, EPROTO},
    };
    struct incoming packet;
    int before;

    connect_ends(SOCK_SEQPACKET);
    before = count_descriptors();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct message message = message_of_kind(wrong[i].kind, 0);

        message.version = wrong[i].version;
        send_message(&message, wrong[i].size, wrong[i].count);
        CHECK_INT(receive_answer(&message, 3, &packet), -1);
        CHECK_INT(errno, wrong[i].error);
        CHECK_INT(packet.count, 0);
        CHECK_INT(count_descriptors(), before);
    }
}

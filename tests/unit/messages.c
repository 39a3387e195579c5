/* What a message may hold: preload/wire/messages.c, field by field, as nobody would send it. */
#include "preload/wire/messages.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "preload/wire/keys.h"
#include "unit.h"

enum { ANYBODY = FROM_LIBRARY | FROM_HELPER | FROM_COMMAND, HIGHEST_KIND = 65535 };

static struct sockets_message sockets;

/* A message of this kind that is right, but for the fields that it uses: they are 0. */
static struct message right_message(unsigned kind)
{
    return message_of_kind(kind, kind < ANSWER_ADOPT ? 3 : 0);
}

static struct listener_key key_of(int family, int type, const void *address, size_t length)
{
    struct listener_key key;
    int fd = socket(family, type | SOCK_CLOEXEC, 0);

    REQUIRE(CHECK(fd != -1));
    REQUIRE(CHECK_INT(listener_key_of(fd, address, (socklen_t)length, &key), 0));
    close(fd);
    return key;
}

static struct listener_key ipv4_key(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};

    return key_of(AF_INET, SOCK_STREAM, &address, sizeof address);
}

static struct message bind_message(void)
{
    struct message message = right_message(MESSAGE_BIND);

    message.key = ipv4_key();
    return message;
}

static struct message unlink_message(void)
{
    struct message message = right_message(MESSAGE_UNLINK);

    message.key.family = AF_UNIX;
    set_file_identity(&message.key, 1, 2);
    return message;
}

static enum fault fault_of(struct message message, size_t descriptors)
{
    return fault_of_message(&message, sizeof message, descriptors, ANYBODY);
}

/* A MESSAGE_SOCKETS with so many right reports. Returns its size. */
static size_t fill_sockets(uint32_t count)
{
    memset(&sockets, 0, sizeof sockets);
    sockets.message = right_message(MESSAGE_SOCKETS);
    sockets.message.count = count;
    for (uint32_t i = 0; i < count && i < REPORTS_PER_MESSAGE; i++)
        sockets.report[i] = (struct socket_report){.inode = i, .family = AF_INET, .protocol = 6};
    return sizeof sockets.message + count * sizeof *sockets.report;
}

static enum fault fault_of_sockets(size_t size)
{
    return fault_of_message(&sockets, size, 0, FROM_LIBRARY);
}

TEST("the size, the magic number and the version are looked at first, in this order")
{
    struct message message = right_message(MESSAGE_WAITING);

    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    for (size_t size = 0; size < sizeof message; size++)
        CHECK_INT(fault_of_message(&message, size, 0, ANYBODY), FAULT_SIZE);
    message.version++;
    CHECK_INT(fault_of_message(&message, 8, 0, ANYBODY), FAULT_VERSION);
    CHECK_INT(fault_of_message(&message, sizeof message, 0, ANYBODY), FAULT_VERSION);
    message.magic++;
    CHECK_INT(fault_of_message(&message, 8, 0, ANYBODY), FAULT_MAGIC);
}

TEST("the secret is looked for in every version, and a message without room for it lacks it")
{
    uint8_t secret[SECRET_LENGTH] = {1, 2, 3};
    struct message message = right_message(MESSAGE_WAITING);
    const size_t start = offsetof(struct message, error);

    for (unsigned version = 0; version <= 65535; version++) {
        message.version = (uint16_t)version;
        memset(message.secret, 0, sizeof message.secret);
        CHECK(lacks_secret(&message, sizeof message, secret));
        memcpy(message.secret, secret, sizeof secret);
        CHECK(!lacks_secret(&message, sizeof message, secret));
        CHECK(!lacks_secret(&message, start, secret));
        CHECK(lacks_secret(&message, start - 1, secret));
    }
    message.secret[0] ^= 1;
    message.kind = DEMAND_STATUS;
    CHECK(!lacks_secret(&message, sizeof message, secret));
}

TEST("versions that are spoken, and in which a demand is made")
{
    CHECK(!is_spoken(OLDEST_PROTOCOL - 1));
    CHECK(is_spoken(OLDEST_PROTOCOL));
    CHECK(is_spoken(PROTOCOL_VERSION));
    CHECK(!is_spoken(PROTOCOL_VERSION + 1));
    CHECK_INT(message_of_kind(MESSAGE_WAITING, 1).version, PROTOCOL_VERSION);
    CHECK_INT(message_of_kind(DEMAND_STATUS, 0).version, OLDEST_PROTOCOL);
}

TEST("a message that is longer than its kind")
{
    size_t size = fill_sockets(1);

    sockets.message = right_message(MESSAGE_WAITING);
    CHECK_INT(fault_of_sockets(size), FAULT_SIZE);
    CHECK_INT(fault_of_sockets(sizeof(struct message) + 1), FAULT_SIZE);
    CHECK_INT(fault_of_sockets(sizeof(struct message)), FAULT_NONE);
}

TEST("every kind: known to one speaker alone, or to nobody")
{
    unsigned known = 0;

    for (unsigned kind = 0; kind <= HIGHEST_KIND; kind++) {
        const struct message message = right_message(kind);
        unsigned speakers = 0;

        for (unsigned speaker = FROM_LIBRARY; speaker <= FROM_COMMAND; speaker *= 2)
            speakers += fault_of_message(&message, sizeof message, 0, speaker) != FAULT_KIND;
        CHECK(speakers <= 1);
        known += speakers;
    }
    CHECK_INT(known,
              MESSAGES_END - 1 + (ANSWERS_END - ANSWER_ADOPT) + (DEMANDS_END - DEMAND_STATUS));
}

TEST("what the helper answers is not asked of it, nor demanded of a library")
{
    const struct message answer = right_message(ANSWER_KEEP_FILE);
    const struct message demand = right_message(DEMAND_UPGRADE);
    const struct message question = right_message(MESSAGE_WAITING);

    CHECK_INT(fault_of_message(&answer, sizeof answer, 0, FROM_LIBRARY | FROM_COMMAND), FAULT_KIND);
    CHECK_INT(fault_of_message(&demand, sizeof demand, 0, FROM_HELPER), FAULT_KIND);
    CHECK_INT(fault_of_message(&question, sizeof question, 0, FROM_HELPER), FAULT_KIND);
}

TEST("every kind comes with as many descriptors as belong to it, and no other number")
{
    for (unsigned kind = 1; kind < DEMANDS_END; kind++) {
        const struct message message = right_message(kind);
        unsigned fitting = 0;

        if (fault_of(message, 0) == FAULT_KIND)
            continue;
        for (size_t count = 0; count < 70; count++)
            fitting += fault_of(message, count) != FAULT_DESCRIPTORS;
        CHECK_INT(fitting, 1);
    }
    CHECK_INT(fault_of(right_message(ANSWER_REPLACEMENTS), REPLACEMENTS), FAULT_NONE);
    CHECK_INT(fault_of(right_message(ANSWER_ADOPT), 1), FAULT_NONE);
    CHECK_INT(fault_of(right_message(ANSWER_BIND_YOURSELF), 0), FAULT_NONE);
}

TEST("a kind that uses no field takes no byte elsewhere")
{
    const struct message right = right_message(MESSAGE_RETIRE);

    for (size_t at = offsetof(struct message, error); at < sizeof right; at++) {
        struct message message = right;

        ((unsigned char *)&message)[at] ^= 1;
        if (!CHECK(fault_of(message, 0) != FAULT_NONE))
            printf("# at %zu\n", at);
    }
}

TEST("answers and demands name no generation, questions do")
{
    struct message message = right_message(MESSAGE_WAITING);

    message.generation = 0;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
    message = right_message(ANSWER_SIGNALLED);
    message.generation = 1;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
    message = right_message(DEMAND_STOP);
    message.generation = 1;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
}

TEST("errno, from 0 to what the kernel has")
{
    struct message message = right_message(MESSAGE_COUNTED);

    for (message.error = 0; message.error <= 4095; message.error++)
        CHECK_INT(fault_of(message, 0), FAULT_NONE);
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
    message.error = -1;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
    message.error = INT32_MIN;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
}

TEST("numbers of signals and processes")
{
    struct message message = right_message(MESSAGE_SIGNAL_GROUP);

    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
    message.signal_number = 1;
    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    message.signal_number = 64;
    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    message.signal_number = 65;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
    message.signal_number = -9;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
    message = right_message(MESSAGE_UPGRADE);
    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    message.pid = INT32_MAX;
    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    message.pid = -1;
    CHECK_INT(fault_of(message, 0), FAULT_FIELD);
}

TEST("a listener: its number, flags and position")
{
    struct message message = right_message(MESSAGE_LISTENER);

    message.key = ipv4_key();
    message.inode = UINT64_MAX;
    message.position = UINT32_MAX;
    message.status_flags = INT32_MAX;
    CHECK_INT(fault_of(message, 1), FAULT_NONE);
    message.status_flags = -1;
    CHECK_INT(fault_of(message, 1), FAULT_FIELD);
}

TEST("keys that listener_key_of() makes")
{
    const struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    struct sockaddr_storage large = {.ss_family = AF_INET};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct message message = bind_message();
    int types[] = {SOCK_STREAM, SOCK_DGRAM};

    for (size_t i = 0; i < 2; i++) {
        message.key = key_of(AF_INET, types[i], &large, sizeof large);
        CHECK_INT(fault_of(message, 0), FAULT_NONE);
        message.key = key_of(AF_INET6, types[i], &ipv6, sizeof ipv6);
        CHECK_INT(fault_of(message, 0), FAULT_NONE);
        message.key = key_of(AF_UNIX, types[i], NULL, 0);
        CHECK_INT(fault_of(message, 0), FAULT_NONE);
        memset(local.sun_path + 1, 'x', sizeof local.sun_path - 1); /* abstract, and full */
        message.key = key_of(AF_UNIX, types[i], &local, sizeof local);
        CHECK_INT(fault_of(message, 0), FAULT_NONE);
    }
}

TEST("the key of a path that fills its place, as getsockname(2) tells it")
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct message message = bind_message();
    char directory[] = "/tmp/unit-XXXXXX";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    REQUIRE(CHECK(mkdtemp(directory) != NULL));
    memset(local.sun_path, 'x', sizeof local.sun_path);
    memcpy(local.sun_path, directory, strlen(directory));
    local.sun_path[strlen(directory)] = '/';
    REQUIRE(CHECK_INT(bind(fd, (struct sockaddr *)&local, sizeof local), 0));
    REQUIRE(CHECK_INT(listener_key_of(fd, NULL, 0, &message.key), 0));
    CHECK_INT(message.key.address_length, sizeof local + 1);
    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    unlink((const char *)message.key.address + offsetof(struct sockaddr_un, sun_path));
    rmdir(directory);
}

TEST("keys with a family, type or protocol that is none")
{
    const int families[] = {0, AF_NETLINK, AF_VSOCK, 255, -1, INT32_MAX};
    const int types[] = {0, SOCK_RAW, SOCK_PACKET, SOCK_STREAM | SOCK_CLOEXEC, -1, INT32_MAX};

    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct message message = bind_message();
        const sa_family_t family = (sa_family_t)families[i];

        message.key.family = families[i];
        CHECK_INT(fault_of(message, 0), FAULT_KEY);
        memcpy(message.key.address, &family, sizeof family);
        CHECK_INT(fault_of(message, 0), FAULT_KEY);
        message = bind_message();
        message.key.type = types[i];
        CHECK_INT(fault_of(message, 0), FAULT_KEY);
        message = bind_message();
        message.key.protocol = i % 2 ? -1 : 0x10000;
        CHECK_INT(fault_of(message, 0), FAULT_KEY);
    }
}

TEST("keys whose family is not that of the address")
{
    struct message message = bind_message();

    message.key.family = AF_INET6;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message.key.family = AF_UNIX;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = bind_message();
    message.key.address[0] = AF_UNIX;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
}

TEST("every length of an address but the right one")
{
    const struct message right = bind_message();

    for (uint32_t length = 0; length < 1000; length++) {
        struct message message = right;

        message.key.address_length = length;
        CHECK_INT(fault_of(message, 0),
                  length == right.key.address_length ? FAULT_NONE : FAULT_KEY);
    }
    for (uint32_t length = UINT32_MAX; length > UINT32_MAX - 100; length--) {
        struct message message = right;

        message.key.address_length = length;
        CHECK_INT(fault_of(message, 0), FAULT_KEY);
    }
}

TEST("bytes behind an address, and a device that does not end")
{
    struct message message = bind_message();

    message.key.address[ADDRESS_LENGTH - 1] = 1;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = bind_message();
    memset(message.key.device, 'x', DEVICE_LENGTH - 1);
    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    message.key.device[DEVICE_LENGTH - 1] = 'x';
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = bind_message();
    message.key.v6only = 1; /* of an IPv4 socket */
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
}

TEST("the key of UNLINK names a file, and is nothing else")
{
    struct message message = unlink_message();

    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    message.key.address[2]++;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = unlink_message();
    message.key.address_length--;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = unlink_message();
    add_file_name(&message.key, "socket.4711.bak");
    CHECK_INT(fault_of(message, 0), FAULT_NONE);
    message.key.address[FILE_IDENTITY_LENGTH] = '/';
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message.key.address[FILE_IDENTITY_LENGTH] = '\0';
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = unlink_message();
    message.key.type = SOCK_STREAM;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = unlink_message();
    message.key.device[0] = 'x';
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
    message = unlink_message();
    message.kind = MESSAGE_BIND;
    CHECK_INT(fault_of(message, 0), FAULT_KEY);
}

TEST("reports of sockets: as many as are counted, at least one and at most 200")
{
    for (uint32_t count = 1; count <= REPORTS_PER_MESSAGE; count++) {
        size_t size = fill_sockets(count);

        CHECK_INT(fault_of_sockets(size), FAULT_NONE);
        CHECK_INT(fault_of_sockets(size - 1), FAULT_SIZE);
        sockets.message.count--;
        CHECK_INT(fault_of_sockets(size), count == 1 ? FAULT_FIELD : FAULT_SIZE);
        sockets.message.count += 2;
        CHECK_INT(fault_of_sockets(size), count == REPORTS_PER_MESSAGE ? FAULT_FIELD : FAULT_SIZE);
    }
    fill_sockets(1);
    sockets.message.count = UINT32_MAX;
    CHECK_INT(fault_of_sockets(sizeof sockets), FAULT_FIELD);
    fill_sockets(0);
    CHECK_INT(fault_of_sockets(sizeof sockets.message), FAULT_FIELD);
}

TEST("what is in the last report counts as well")
{
    size_t size = fill_sockets(REPORTS_PER_MESSAGE);
    struct socket_report *last = &sockets.report[REPORTS_PER_MESSAGE - 1];
    const struct socket_report right = *last;

    last->family = AF_UNIX;
    CHECK_INT(fault_of_sockets(size), FAULT_REPORT);
    *last = right;
    last->local[3] = 1; /* of an IPv4 address */
    CHECK_INT(fault_of_sockets(size), FAULT_REPORT);
    last->family = AF_INET6;
    CHECK_INT(fault_of_sockets(size), FAULT_NONE);
    *last = right;
    last->padding = 1;
    CHECK_INT(fault_of_sockets(size), FAULT_REPORT);
    *last = right;
    last->device = UINT32_MAX;
    CHECK_INT(fault_of_sockets(size), FAULT_REPORT);
    *last = (struct socket_report){.inode = UINT64_MAX};
    CHECK_INT(fault_of_sockets(size), FAULT_NONE);
    last->local_port = 1;
    CHECK_INT(fault_of_sockets(size), FAULT_REPORT);
}

/* In memory that ends where the message does. */
TEST("random messages, right at their beginning: no byte behind them is read")
{
    enum { ROUNDS = 200000 };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 5 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *end = memory + 4 * page;

    REQUIRE(CHECK(memory != MAP_FAILED && munmap(end, page) == 0));
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = i % 2 ? sizeof(struct message) + (size_t)(unit_random() % 4) * 56
                            : (size_t)unit_random() % (4 * page) / 8 * 8;
        struct message *message = (struct message *)(void *)(end - size);

        for (size_t k = 0; k < size; k += 1 + (size_t)unit_random() % 64)
            end[-(long)k - 1] = (char)(i % 3 ? 0 : unit_random());
        if (size >= sizeof *message)
            *message = message_of_kind(unit_random() % 140, unit_random() % 3);
        if (size >= sizeof *message && i % 5 == 0)
            message->count = unit_random() % 300;
        (void)fault_of_message(message, size, (size_t)unit_random() % 4, ANYBODY);
    }
}

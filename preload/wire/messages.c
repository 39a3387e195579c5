/*
 * Whoever speaks may be hostile. What is in the table is all that a kind may
 * use; every other field is zero, so that nothing is carried along which nobody has
 * looked at. Whether the speaker may say it is for the helper to decide.
 */
#include "messages.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

enum {
    LARGEST_ERROR = 4095, /* the kernel's MAX_ERRNO */
    LARGEST_SIGNAL = 64,
    LARGEST_PROTOCOL = 0xffff,               /* IPPROTO_MPTCP is 262 */
    DATAGRAM_CONGESTION = 6,                 /* SOCK_DCCP, which not every libc names */
    HEAD = offsetof(struct message, secret), /* what every version has */
    START = offsetof(struct message, error), /* and the library's messages of every version */
};

/* The fields that a kind uses. */
enum {
    USES_ERROR = 1,
    USES_STATUS_FLAGS = 2,
    USES_PID = 4,
    USES_POSITION = 8,
    USES_SIGNAL_NUMBER = 16,
    USES_INODE = 32,
    USES_KEY = 64,
    USES_FILE =
        128, /* the key's address names a file, perhaps with its name, and that is all of it */
    USES_REPORTS = 256,
    USES_NUMBER = 512, /* in `count`, and 0 is one */
};

static const struct kind {
    uint8_t speaker; /* 0: there is no such kind */
    uint8_t descriptors;
    uint16_t fields;
} kinds[DEMANDS_END] = {
    [MESSAGE_BIND] = {FROM_LIBRARY, 0, USES_KEY},
    [MESSAGE_GIVE_BACK] = {FROM_LIBRARY, 0, USES_INODE},
    [MESSAGE_LISTENING] = {FROM_LIBRARY, 0, USES_INODE},
    [MESSAGE_BOUND] = {FROM_LIBRARY, 0, USES_INODE},
    [MESSAGE_WAITING] = {FROM_LIBRARY, 0, USES_INODE},
    [MESSAGE_UNLINK] = {FROM_LIBRARY, 0, USES_FILE},
    [MESSAGE_UNLINK_PID] = {FROM_LIBRARY, 0, USES_PID | USES_FILE},
    [MESSAGE_PROC] = {FROM_LIBRARY, 0, USES_POSITION | USES_INODE},
    [MESSAGE_SIGNAL_GROUP] = {FROM_LIBRARY, 0, USES_SIGNAL_NUMBER},
    [MESSAGE_UPGRADE] = {FROM_LIBRARY, 0, USES_PID},
    [MESSAGE_LISTENER] = {FROM_LIBRARY, 1,
                          USES_STATUS_FLAGS | USES_POSITION | USES_INODE | USES_KEY},
    [MESSAGE_COLLECTED] = {FROM_LIBRARY, 0, USES_ERROR},
    [MESSAGE_RETIRE] = {FROM_LIBRARY, 0, 0},
    [MESSAGE_QUEUE] = {FROM_LIBRARY, 0, USES_INODE},
    [MESSAGE_SOCKETS] = {FROM_LIBRARY, 0, USES_REPORTS},
    [MESSAGE_RETIRED] = {FROM_LIBRARY, 0, USES_ERROR},
    [MESSAGE_LISTEN] = {FROM_LIBRARY, 0, USES_INODE | USES_KEY},
    [MESSAGE_COUNTED] = {FROM_LIBRARY, 0, USES_ERROR},
    [MESSAGE_SHUTDOWN] = {FROM_LIBRARY, 0, USES_INODE},
    [MESSAGE_SHARED] = {FROM_LIBRARY, 0, 0},
    [MESSAGE_STEER] = {FROM_LIBRARY, 0, 0},
    [MESSAGE_TAKE_BACK] = {FROM_LIBRARY, 0, USES_INODE},
    [MESSAGE_TAKEN_BACK] = {FROM_LIBRARY, 0, USES_ERROR},
    [MESSAGE_SIGNAL] = {FROM_LIBRARY, 0, USES_PID},
    [MESSAGE_COPIED] = {FROM_LIBRARY, 0, USES_ERROR},
    [MESSAGE_CONNECT] = {FROM_LIBRARY, 0, USES_KEY},
    [MESSAGE_LOCK] = {FROM_LIBRARY, 0, USES_FILE},
    [MESSAGE_CREATE] = {FROM_LIBRARY, 0, USES_PID | USES_FILE},
    [MESSAGE_UNLINK_FILE] = {FROM_LIBRARY, 0, USES_FILE},
    [MESSAGE_PEERS] = {FROM_LIBRARY, 0, 0},
    [MESSAGE_PEER] = {FROM_LIBRARY, 0, USES_INODE},

    [ANSWER_ADOPT] = {FROM_HELPER, 1, 0},
    [ANSWER_BIND_YOURSELF] = {FROM_HELPER, 0, 0},
    [ANSWER_KEEP_FILE] = {FROM_HELPER, 0, 0},
    [ANSWER_UNLINK_FILE] = {FROM_HELPER, 0, 0},
    [ANSWER_PROC_TEXT] = {FROM_HELPER, 1, 0},
    [ANSWER_NO_PROC_TEXT] = {FROM_HELPER, 0, 0},
    [ANSWER_SIGNALLED] = {FROM_HELPER, 0, 0},
    [ANSWER_NOT_SIGNALLED] = {FROM_HELPER, 0, 0},
    [ANSWER_UPGRADING] = {FROM_HELPER, 0, 0},
    [ANSWER_NOT_OURS] = {FROM_HELPER, 0, 0},
    [ANSWER_REPLACEMENTS] = {FROM_HELPER, REPLACEMENTS, 0},
    [ANSWER_REPLACEMENTS_BUT_ASK] = {FROM_HELPER, REPLACEMENTS, 0},
    [ANSWER_KEEP_LISTENER] = {FROM_HELPER, 0, 0},
    [ANSWER_RETIRE_LISTENER] = {FROM_HELPER, 0, 0},
    [ANSWER_DEAF_SOCKET] = {FROM_HELPER, 1, 0},
    [ANSWER_SERVED] = {FROM_HELPER, 0, 0},
    [ANSWER_NOT_SERVED] = {FROM_HELPER, 0, 0},
    [ANSWER_SHARED_SOCKET] = {FROM_HELPER, 0, 0},
    [ANSWER_OWN_SOCKET] = {FROM_HELPER, 0, 0},
    [ANSWER_PREDECESSOR_SERVES] = {FROM_HELPER, 0, 0},
    [ANSWER_PREDECESSOR_RETIRES] = {FROM_HELPER, 0, 0},
    [ANSWER_NO_PREDECESSOR] = {FROM_HELPER, 0, 0},
    [ANSWER_STEER] = {FROM_HELPER, 0, 0},
    [ANSWER_LISTENER_BACK] = {FROM_HELPER, 1, 0},
    [ANSWER_LISTENER_GONE] = {FROM_HELPER, 0, 0},

    [ANSWER_HIDDEN_PROCESS] = {FROM_HELPER, 0, 0},
    [ANSWER_SEEN_PROCESS] = {FROM_HELPER, 0, 0},
    [ANSWER_CONNECT] = {FROM_HELPER, 0, 0},
    [ANSWER_CONNECT_ALWAYS] = {FROM_HELPER, 0, 0},
    [ANSWER_REFUSE] = {FROM_HELPER, 0, 0},
    [ANSWER_SHARE_FILE] = {FROM_HELPER, 0, 0},
    [ANSWER_OTHERS_FILE] = {FROM_HELPER, 0, 0},
    [ANSWER_UNSHARED] = {FROM_HELPER, 0, 0},
    [ANSWER_PEER_TABLE] = {FROM_HELPER, 1, 0},
    [ANSWER_NO_PEER_TABLE] = {FROM_HELPER, 0, 0},
    [ANSWER_PEER_KNOWN] = {FROM_HELPER, 0, 0},

    [DEMAND_STATUS] = {FROM_COMMAND, 0, 0},
    [DEMAND_WATCH] = {FROM_COMMAND, 0, 0},
    [DEMAND_UPGRADE] = {FROM_COMMAND, 0, USES_NUMBER},
    [DEMAND_STOP] = {FROM_COMMAND, 0, 0},
    [DEMAND_COMMIT] = {FROM_COMMAND, 0, 0},
    [DEMAND_ROLL_BACK] = {FROM_COMMAND, 0, 0},
    [DEMAND_SUMMARY] = {FROM_COMMAND, 0, 0},
    [DEMAND_SIGNAL] = {FROM_COMMAND, 0, USES_SIGNAL_NUMBER},
    [DEMAND_CUT] = {FROM_COMMAND, 0, USES_NUMBER},
    [DEMAND_RENEWAL] = {FROM_COMMAND, 0, 0},
};

static bool is_zero(const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static bool is_within(bool used, int64_t value, int64_t least, int64_t most)
{
    return used ? value >= least && value <= most : value == 0;
}

static bool are_numbers_right(const struct message *message, unsigned fields, unsigned speaker)
{
    return is_within(speaker == FROM_LIBRARY, message->generation, 1, UINT32_MAX) &&
           (speaker == FROM_LIBRARY || is_zero(message->secret, SECRET_LENGTH)) &&
           is_within(fields & USES_ERROR, message->error, 0, LARGEST_ERROR) &&
           is_within(fields & USES_STATUS_FLAGS, message->status_flags, 0, INT32_MAX) &&
           is_within(fields & USES_PID, message->pid, 0, INT32_MAX) &&
           is_within(fields & USES_POSITION, message->position, 0, UINT32_MAX) &&
           is_within(fields & USES_SIGNAL_NUMBER, message->signal_number, 1, LARGEST_SIGNAL) &&
           (fields & USES_INODE || message->inode == 0) &&
           (fields & USES_NUMBER ||
            is_within(fields & USES_REPORTS, message->count, 1, REPORTS_PER_MESSAGE));
}

/* As keys.c makes them: of an internet address all that counts, of a unix one what bind(2) takes.
 */
static bool is_address_right(const struct listener_key *key)
{
    sa_family_t family;

    memcpy(&family, key->address, sizeof family);
    if (key->address_length > ADDRESS_LENGTH || key->address_length < sizeof family ||
        family != key->family ||
        !is_zero(key->address + key->address_length, ADDRESS_LENGTH - key->address_length))
        return false;
    if (family == AF_INET)
        return key->address_length == offsetof(struct sockaddr_in, sin_zero);
    if (family == AF_INET6)
        return key->address_length == sizeof(struct sockaddr_in6);
    /* getsockname(2) tells of one byte more where a path has filled sun_path: unix(7) */
    return family == AF_UNIX && key->address_length <= sizeof(struct sockaddr_un) + 1;
}

static bool is_socket_type(int32_t type)
{
    return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET ||
           type == DATAGRAM_CONGESTION;
}

static bool is_key_right(const struct listener_key *key)
{
    return is_address_right(key) && is_socket_type(key->type) && key->protocol >= 0 &&
           key->protocol <= LARGEST_PROTOCOL &&
           is_within(key->family == AF_INET6, key->v6only, 0, 1) &&
           (key->family != AF_UNIX || is_zero(key->device, sizeof key->device)) &&
           key->device[DEVICE_LENGTH - 1] == '\0';
}

static bool is_name_right(const uint8_t *name, size_t length)
{
    return length <= LONGEST_FILE_NAME && !memchr(name, '\0', length) && !memchr(name, '/', length);
}

static bool names_a_file(const struct listener_key *key)
{
    return is_address_right(key) && key->family == AF_UNIX &&
           key->address_length >= FILE_IDENTITY_LENGTH &&
           is_name_right(key->address + FILE_IDENTITY_LENGTH,
                         key->address_length - FILE_IDENTITY_LENGTH) &&
           key->address[sizeof(sa_family_t)] == UNIX_FILE_MARK && key->type == 0 &&
           key->protocol == 0 && key->v6only == 0 && is_zero(key->device, sizeof key->device);
}

static bool is_report_right(const struct socket_report *report)
{
    const size_t rest = offsetof(struct socket_report, family);

    if (report->family == 0)
        return is_zero((const char *)report + rest, sizeof *report - rest);
    if (report->device > INT32_MAX || report->padding != 0)
        return false;
    if (report->family == AF_INET)
        return is_zero(report->local + 1, 3 * sizeof *report->local) &&
               is_zero(report->peer + 1, 3 * sizeof *report->peer);
    return report->family == AF_INET6;
}

static enum fault fault_of_reports(const struct sockets_message *sockets, size_t size)
{
    const struct socket_report *report = sockets->report;

    if (size != sizeof sockets->message + sockets->message.count * sizeof *report)
        return FAULT_SIZE;
    for (uint32_t i = 0; i < sockets->message.count; i++)
        if (!is_report_right(&report[i]))
            return FAULT_REPORT;
    return FAULT_NONE;
}

static enum fault fault_of_content(const struct message *message, size_t size,
                                   const struct kind *kind)
{
    if (!are_numbers_right(message, kind->fields, kind->speaker))
        return FAULT_FIELD;
    if (kind->fields & USES_KEY    ? !is_key_right(&message->key)
        : kind->fields & USES_FILE ? !names_a_file(&message->key)
                                   : !is_zero(&message->key, sizeof message->key))
        return FAULT_KEY;
    if (kind->fields & USES_REPORTS)
        return fault_of_reports((const struct sockets_message *)message, size);
    return size == sizeof *message ? FAULT_NONE : FAULT_SIZE;
}

bool is_spoken(unsigned version)
{
    return version >= OLDEST_PROTOCOL && version <= PROTOCOL_VERSION;
}

enum fault fault_of_message(const void *data, size_t size, size_t descriptors, unsigned speakers)
{
    const struct message *message = data;

    /* what an older or newer version sends may have another size: that is said first */
    if (size < HEAD)
        return FAULT_SIZE;
    if (message->magic != PROTOCOL_MAGIC)
        return FAULT_MAGIC;
    if (!is_spoken(message->version))
        return FAULT_VERSION;
    if (size < sizeof *message)
        return FAULT_SIZE;
    if (message->kind >= DEMANDS_END || !(kinds[message->kind].speaker & speakers))
        return FAULT_KIND;
    if (descriptors != kinds[message->kind].descriptors)
        return FAULT_DESCRIPTORS;
    return fault_of_content(message, size, &kinds[message->kind]);
}

/* It takes as long wherever the first difference is. */
static bool is_same_secret(const uint8_t *one, const uint8_t *other)
{
    volatile uint8_t difference = 0;

    for (size_t i = 0; i < SESSION_SECRET_LENGTH; i++)
        difference |= one[i] ^ other[i];
    return difference == 0;
}

bool lacks_secret(const void *data, size_t size, const uint8_t secret[SECRET_LENGTH])
{
    const struct message *message = data;

    if (size < HEAD || message->magic != PROTOCOL_MAGIC || message->kind >= DEMAND_STATUS)
        return false;
    return size < START || !is_same_secret(message->secret, secret);
}

struct message message_of_kind(unsigned kind, uint32_t generation)
{
    struct message message;

    memset(&message, 0, sizeof message);
    message.magic = PROTOCOL_MAGIC;
    message.version = kind >= DEMAND_STATUS ? OLDEST_PROTOCOL : PROTOCOL_VERSION;
    message.kind = (uint16_t)kind;
    message.generation = generation;
    return message;
}

ssize_t receive_message(int fd, struct incoming *packet, unsigned speakers, const uint8_t *secret,
                        int flags)
{
    ssize_t size = receive_packet(fd, packet, flags);
    enum fault fault;

    if (size <= 0)
        return size;
    if (secret && lacks_secret(packet->data, (size_t)size, secret)) {
        close_received(packet);
        errno = EACCES;
        return -1;
    }
    fault = fault_of_message(packet->data, (size_t)size, packet->count, speakers);
    if (fault == FAULT_NONE)
        return size;
    close_received(packet);
    errno = fault == FAULT_VERSION ? EPROTONOSUPPORT : EPROTO;
    return -1;
}

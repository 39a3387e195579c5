/*
 * Every message is read as hostile: fixed size, versioned, from a peer whose
 * credentials the kernel vouches for. Nothing here waits for a peer.
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "clock.h"
#include "demands.h"
#include "family.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "packet.h"
#include "questions.h"
#include "reports.h"
#include "settings.h"

enum { MOST_PEERS = 768, BACKLOG = 512, RIGHTS = 2 };

/* No more than half of the descriptors that we may have; a quarter of these for those who ask. */
enum { FEWEST_PEERS = 8 };

/* Whoever floods us with connections is not to keep us from signals, timers and the others. */
enum { ACCEPTED_PER_TURN = 64 };

/* How long a refusal stands before the process is looked at again. */
enum { REFUSALS = 64 };
static const int64_t refusal_time = 100 * MILLISECOND;

/* How long a peer may hold a connection without saying anything. */
static const int64_t peer_patience = 2 * SECOND;

struct peer {
    struct watch watch; /* first: the peer is what its watch is part of */
    int fd;
    struct ucred credentials;
    bool may_demand; /* same uid as the session, or root: see demands.h */
    bool watches;    /* wants to know what happens, as long as it likes */
    int64_t expires; /* of one that does not watch */
};

static char name[SESSION_NAME_LENGTH + 1];
static struct watch listener;
static struct peer *peers[MOST_PEERS];
static size_t peer_count;
static size_t most_peers = MOST_PEERS;
static size_t watcher_count;

static void accept_peers(struct watch *watch);

static void limit_peers(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < most_peers)
        most_peers = (size_t)limit.rlim_cur / 2;
    if (most_peers < FEWEST_PEERS)
        most_peers = FEWEST_PEERS;
}

int open_control_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    unsigned char random[SESSION_NAME_LENGTH / 2];
    socklen_t length;
    int fd;

    limit_peers();
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return -1;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(name + 2 * i, 3, "%02x", random[i]);
    /* unix(7): a name after a NUL is in the abstract namespace, and no file is left behind */
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                         (size_t)snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                          SOCKET_PREFIX "%s", name));
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1 || bind(fd, (struct sockaddr *)&address, length) == -1 ||
        listen(fd, BACKLOG) == -1)
        return -1;
    watch_descriptor(&listener, fd, accept_peers);
    return 0;
}

const char *control_name(void)
{
    static char text[sizeof SOCKET_PREFIX + SESSION_NAME_LENGTH];

    snprintf(text, sizeof text, SOCKET_PREFIX "%s", name);
    return text;
}

void session_text(unsigned generation, char text[SESSION_TEXT])
{
    snprintf(text, SESSION_TEXT, SESSION_FORMAT, PROTOCOL_VERSION, name, generation, (int)getpid(),
             settings.upgrade_signal);
}

unsigned generation_of_session(const char *text)
{
    char prefix[SESSION_NAME_LENGTH + 16];
    int length = snprintf(prefix, sizeof prefix, "%d/%s/", PROTOCOL_VERSION, name);

    if (strncmp(text, prefix, (size_t)length) != 0)
        return 0;
    return (unsigned)strtoul(text + length, NULL, 10);
}

/* The others stay in the order in which they came: see make_room(). */
static void drop_peer(struct peer *peer)
{
    size_t i = 0;

    while (peers[i] != peer)
        i++;
    for (peer_count--; i < peer_count; i++)
        peers[i] = peers[i + 1];
    watcher_count -= peer->watches;
    unwatch_descriptor(&peer->watch);
    close(peer->fd);
    free(peer);
}

/*
 * Finding out that somebody is a stranger is a walk through /proc: too dear for
 * each connection of one who has nothing else to do.
 */
static bool is_stranger(pid_t pid)
{
    static struct {
        pid_t pid;
        int64_t until;
    } refused[REFUSALS];
    const size_t slot = (size_t)pid % REFUSALS;

    if (refused[slot].pid == pid && now() < refused[slot].until)
        return true;
    if (is_member(pid))
        return false;
    refused[slot].pid = pid;
    refused[slot].until = now() + refusal_time;
    return true;
}

/*
 * Same uid as the session, or root, who may demand; or a process of this session
 * that has dropped its privileges, whose library may ask and tell.
 */
static bool is_welcome(int fd, struct ucred *credentials, bool *may_demand)
{
    socklen_t length = sizeof *credentials;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &length) == -1)
        return false;
    *may_demand = credentials->uid == geteuid() || credentials->uid == 0;
    return *may_demand || !is_stranger(credentials->pid);
}

static bool serve_message(struct peer *peer);

/*
 * Room for one more: whoever has been here longest goes, unless it was asked to
 * stay. What it has said already is heard, since it will not say it again: a
 * server that waits for clients, amid a crowd of those who ask for the status.
 */
static void make_room(void)
{
    for (size_t i = 0; i < peer_count; i++) {
        struct peer *peer = peers[i];

        if (peer->watches)
            continue;
        log_line(LEVEL_DEBUG, "control: too many peers, process %d is dropped",
                 peer->credentials.pid);
        (void)serve_message(peer);
        drop_peer(peer);
        return;
    }
}

static void serve_peer(struct watch *watch);

static void add_peer(int fd, const struct ucred *credentials, bool may_demand)
{
    struct peer *peer = allocate(1, sizeof *peer);

    if (peer_count >= most_peers)
        make_room();
    *peer = (struct peer){.fd = fd,
                          .credentials = *credentials,
                          .may_demand = may_demand,
                          .expires = now() + peer_patience};
    peers[peer_count++] = peer;
    watch_descriptor(&peer->watch, fd, serve_peer);
}

static void accept_peers(struct watch *watch)
{
    int fd;

    for (int i = 0; i < ACCEPTED_PER_TURN &&
                    (fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) != -1;
         i++) {
        struct ucred credentials;
        bool may_demand;

        if (is_welcome(fd, &credentials, &may_demand)) {
            add_peer(fd, &credentials, may_demand);
            continue;
        }
        log_line(LEVEL_DEBUG, "control: process %d of uid %u is refused", credentials.pid,
                 credentials.uid);
        close(fd);
    }
}

void tell_watchers(const struct report *report)
{
    const struct packet packet = {.data = report, .size = sizeof *report};

    /* not dropped here: the event that is told of may have come from this very peer */
    for (size_t i = 0; i < peer_count; i++)
        if (peers[i]->watches && !send_packet(peers[i]->fd, &packet))
            shutdown(peers[i]->fd, SHUT_RDWR);
}

/* The one descriptor that came with a message; -1, and all closed, if it is not exactly one. */
static int take_descriptor(struct msghdr *packet)
{
    int descriptors[RIGHTS];
    size_t count = 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(packet);

    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        count = (header->cmsg_len - CMSG_LEN(0)) / sizeof *descriptors;
    if (count > RIGHTS)
        count = RIGHTS;
    if (count > 0)
        memcpy(descriptors, CMSG_DATA(header), count * sizeof *descriptors);
    if (count == 1)
        return descriptors[0];
    while (count > 0)
        close(descriptors[--count]);
    return -1;
}

/*
 * Receive one message and at most one descriptor. The size of the message, 0 at
 * the end, or -1. There is room for two descriptors whatever we ask for, since
 * ancillary data is padded (cmsg(3)): whoever sends more must not leave them here.
 */
static ssize_t receive(int fd, struct message *message, int *descriptor)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(RIGHTS * sizeof(int))];
    } rights;
    struct iovec part = {message, sizeof *message};
    struct msghdr packet = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    ssize_t size = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC | MSG_TRUNC);

    *descriptor = size == -1 ? -1 : take_descriptor(&packet);
    return size;
}

static bool serve_demand(struct peer *peer, unsigned demand)
{
    if (!peer->may_demand) {
        log_line(LEVEL_DEBUG, "control: process %d may not demand anything", peer->credentials.pid);
        return false;
    }
    if (demand != DEMAND_STATUS && demand != DEMAND_SUMMARY && !peer->watches) {
        if (watcher_count >= most_peers - most_peers / 4)
            return false;
        peer->watches = true;
        watcher_count++;
    }
    return meet_demand(peer->fd, demand);
}

/* Returns false when the peer is to be dropped. */
static bool serve_message(struct peer *peer)
{
    struct message message = {0};
    int descriptor;
    ssize_t size = receive(peer->fd, &message, &descriptor);

    if (size == 0 || (size == -1 && errno != EAGAIN && errno != EINTR))
        return false;
    if (size == -1)
        return true;
    if (size != (ssize_t)sizeof message || message.magic != PROTOCOL_MAGIC ||
        message.version != PROTOCOL_VERSION) {
        log_line(LEVEL_DEBUG, "control: process %d sent %zd bytes that are no message of ours",
                 peer->credentials.pid, size);
        if (descriptor != -1)
            close(descriptor);
        return false;
    }
    peer->expires = now() + peer_patience;
    if (message.kind >= DEMAND_STATUS && message.kind < DEMANDS_END) {
        if (descriptor != -1)
            close(descriptor);
        return serve_demand(peer, message.kind);
    }
    return answer_message(peer->fd, &peer->credentials, &message, descriptor);
}

static void serve_peer(struct watch *watch)
{
    struct peer *peer = (struct peer *)watch;

    if (!serve_message(peer))
        drop_peer(peer);
}

int64_t expire_peers(void)
{
    int64_t time = peer_count > 0 ? now() : 0;
    int64_t next = 0;

    for (size_t i = peer_count; i-- > 0;) {
        if (peers[i]->watches)
            continue;
        if (peers[i]->expires <= time) {
            log_line(LEVEL_DEBUG, "control: process %d is silent and dropped",
                     peers[i]->credentials.pid);
            drop_peer(peers[i]);
        } else if (next == 0 || peers[i]->expires < next) {
            next = peers[i]->expires;
        }
    }
    return next;
}

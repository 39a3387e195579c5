/*
 * Every message is read as hostile, from a peer whose credentials the kernel vouches
 * for. What it may hold, preload/wire/messages.c has looked at before it comes here.
 * Nothing here waits for a peer.
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "demands.h"
#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/poller.h"
#include "helper/lifecycle/sessions.h"
#include "helper/outside/reports.h"
#include "helper/outside/watchers.h"
#include "helper/processes/refusals.h"
#include "helper/processes/session.h"
#include "helper/processes/speakers.h"
#include "helper/settings/settings.h"
#include "identity.h"
#include "preload/wire/messages.h"
#include "questions.h"

enum { MOST_PEERS = 768, BACKLOG = 512 };

/* No more than half of the descriptors that we may have; a quarter of these for those who ask. */
enum { FEWEST_PEERS = 8 };

/* Whoever floods us with connections is not to keep us from signals, timers and the others. */
enum { ACCEPTED_PER_TURN = 64, MESSAGES_PER_TURN = 64 };

/* The library opens a connection an exchange, in each thread. */
enum { MOST_OF_ONE_PROCESS = 32 };

/*
 * A process with thousands of listeners or connections says so in one go, while its server stands
 * still. Who says more than that waits in between, so that its flood costs itself.
 */
enum { MESSAGES_BEFORE_REST = 8192 };
static const int64_t rest = 20 * MILLISECOND;

/* How long a peer may hold a connection without saying anything. */
static const int64_t peer_patience = 2 * SECOND;

struct peer {
    struct watch watch; /* first: the peer is what its watch is part of */
    int fd;
    struct identity identity;
    bool watches;    /* wants to know what happens, as long as it likes */
    int64_t expires; /* of one that does not watch */
    size_t messages; /* that it has sent */
    int64_t rests;   /* until when it is not heard; 0: it is */
    int64_t told;    /* since when a message that has to wait has been there; 0: none has */
};

/* How long nobody is accepted when there is no descriptor or no memory for one more. */
static const int64_t accept_pause = 100 * MILLISECOND;

static struct watch listener;
static int64_t paused_until; /* 0: the listener is watched */
static struct peer *peers[MOST_PEERS];
static size_t peer_count;
static size_t most_peers = MOST_PEERS;

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
    socklen_t length;
    int fd;

    limit_peers();
    if (name_session() == -1)
        return -1;
    /* unix(7): a name after a NUL is in the abstract namespace, and no file is left behind */
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                         (size_t)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s",
                                          control_name()));
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1 || bind(fd, (struct sockaddr *)&address, length) == -1 ||
        listen(fd, BACKLOG) == -1)
        return -1;
    watch_descriptor(&listener, fd, accept_peers);
    return 0;
}

/* The others stay in the order in which they came: see make_room(). */
static void drop_peer(struct peer *peer)
{
    size_t i = 0;

    while (peers[i] != peer)
        i++;
    for (peer_count--; i < peer_count; i++)
        peers[i] = peers[i + 1];
    if (peer->watches)
        remove_watcher(peer->fd);
    speaker_left(peer->identity.credentials.pid);
    unwatch_descriptor(&peer->watch);
    close(peer->fd);
    free(peer);
}

enum served { NOTHING_LEFT, MORE, LATER, DROP };

static enum served serve_messages(struct peer *peer);

static bool is_of_process(const struct peer *peer, const struct ucred *credentials)
{
    return peer->identity.credentials.pid == credentials->pid;
}

static bool is_of_user(const struct peer *peer, const struct ucred *credentials)
{
    return peer->identity.credentials.uid == credentials->uid;
}

static bool is_anybody(const struct peer *peer, const struct ucred *credentials)
{
    (void)peer;
    (void)credentials;
    return true;
}

/*
 * Have fewer than `most` of these peers, not counting who was asked to stay: whoever has been here
 * longest goes. What it has said already is heard, since it will not say it again: a server that
 * waits for clients, amid a crowd of those who ask for the status.
 */
static void make_room(const struct ucred *credentials, size_t most,
                      bool (*is_one)(const struct peer *peer, const struct ucred *credentials))
{
    struct peer *oldest = NULL;
    size_t count = 0;

    for (size_t i = peer_count; i-- > 0;)
        if (!peers[i]->watches && is_one(peers[i], credentials)) {
            oldest = peers[i];
            count++;
        }
    if (!oldest || count < most)
        return;
    log_line(LEVEL_DEBUG, "control: too many peers, process %d is dropped",
             oldest->identity.credentials.pid);
    note_refusal();
    (void)serve_messages(oldest);
    drop_peer(oldest);
}

/* Nobody takes the place of all others: no process, and no user without privileges. */
static void make_room_for(const struct ucred *credentials, bool may_demand)
{
    make_room(credentials, MOST_OF_ONE_PROCESS, is_of_process);
    if (!may_demand)
        make_room(credentials, most_peers / 2, is_of_user);
    if (peer_count >= most_peers)
        make_room(credentials, 1, is_anybody);
}

static void serve_peer(struct watch *watch);

static void add_peer(int fd, const struct identity *identity)
{
    struct peer *peer = allocate(1, sizeof *peer);

    make_room_for(&identity->credentials, identity->may_demand);
    *peer = (struct peer){.fd = fd, .identity = *identity, .expires = now() + peer_patience};
    peers[peer_count++] = peer;
    speaker_came(identity->credentials.pid);
    watch_descriptor(&peer->watch, fd, serve_peer);
}

/* Who waits in the queue would wake us again and again, and cannot be accepted yet. */
static void pause_accepting(int error)
{
    log_line(LEVEL_DEBUG, "control: cannot accept: %s", strerror(error));
    unwatch_descriptor(&listener);
    paused_until = now() + accept_pause;
}

/* False: there is nobody, or nobody can be accepted. */
static bool accept_peer(void)
{
    int fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct identity identity;

    if (fd == -1) {
        if (may_pass(errno))
            pause_accepting(errno);
        return false;
    }
    if (note_credentials(&identity, fd)) {
        add_peer(fd, &identity);
        return true;
    }
    log_line(LEVEL_DEBUG, "control: process %d of uid %u is refused", identity.credentials.pid,
             identity.credentials.uid);
    note_refusal();
    close(fd);
    return true;
}

static void accept_peers(struct watch *watch)
{
    int accepted = 0;

    (void)watch;
    while (accepted < ACCEPTED_PER_TURN && accept_peer())
        accepted++;
}

static bool serve_demand(struct peer *peer, const struct message *message)
{
    unsigned demand = message->kind;

    if (!peer->identity.may_demand) {
        log_line(LEVEL_DEBUG, "control: process %d may not demand anything",
                 peer->identity.credentials.pid);
        note_refusal();
        return false;
    }
    if (demand != DEMAND_STATUS && demand != DEMAND_SUMMARY && !peer->watches) {
        if (count_watchers() >= most_peers - most_peers / 4)
            return false;
        peer->watches = true;
        add_watcher(peer->fd);
    }
    return meet_demand(peer->fd, &peer->identity.credentials, message);
}

static void refuse(const struct peer *peer, const struct message *message, bool is_there)
{
    note_refusal();
    if (errno == EPROTONOSUPPORT) {
        log_line(LEVEL_DEBUG, "control: process %d speaks version %u of the protocol, and not %d",
                 peer->identity.credentials.pid, message->version, PROTOCOL_VERSION);
        if (is_there)
            not_understood(&peer->identity.credentials, message);
    } else if (errno == EACCES)
        log_line(LEVEL_DEBUG, "control: process %d does not know the secret of the session",
                 peer->identity.credentials.pid);
    else if (errno == EPROTO || errno == EMSGSIZE)
        log_line(LEVEL_DEBUG, "control: process %d sent what is no message of ours",
                 peer->identity.credentials.pid);
    else
        log_line(LEVEL_DEBUG, "control: cannot receive what process %d sent: %s",
                 peer->identity.credentials.pid, strerror(errno));
}

static bool serve_question(const struct peer *peer, const struct message *message, int descriptor,
                           bool is_there)
{
    if (is_there)
        return answer_message(peer->fd, &peer->identity.credentials, message, descriptor);
    log_line(LEVEL_DEBUG, "control: process %d has ended", peer->identity.credentials.pid);
    if (descriptor != -1)
        close(descriptor);
    return false;
}

/* Who tells of datagram peers again and again is heard when there is time for it: it stays unread.
 */
static bool has_to_wait(struct peer *peer)
{
    struct message message;

    if (!has_to_wait_for_routes(INT64_MAX) ||
        recv(peer->fd, &message, sizeof message, MSG_PEEK | MSG_DONTWAIT) != sizeof message ||
        message.kind != MESSAGE_PEER)
        return false;
    if (peer->told == 0)
        peer->told = now();
    return has_to_wait_for_routes(peer->told);
}

static enum served serve_message(struct peer *peer)
{
    static struct sockets_message buffer; /* the largest: 11 KiB */
    const struct message *message = &buffer.message;
    int descriptor = -1;
    struct incoming packet = {
        .data = &buffer, .room = sizeof buffer, .descriptors = &descriptor, .most = 1};
    enum lookup there = identify(&peer->identity, peer->fd);
    ssize_t size;
    bool keep;

    if (there == CANNOT_TELL || has_to_wait(peer))
        return LATER;
    peer->told = 0;
    size = receive_message(peer->fd, &packet, FROM_LIBRARY | FROM_COMMAND, session_secret(),
                           MSG_DONTWAIT);
    if (size == -1 && errno == EAGAIN)
        return NOTHING_LEFT;
    if (size == -1)
        refuse(peer, message, there == IS_THERE);
    if (size <= 0)
        return DROP;
    peer->expires = now() + peer_patience;
    speaker_heard(peer->identity.credentials.pid);
    peer->messages++;
    keep =
        message->kind >= DEMAND_STATUS
            ? serve_demand(peer, message)
            : serve_question(peer, message, packet.count > 0 ? descriptor : -1, there == IS_THERE);
    return keep ? MORE : DROP;
}

/* Whoever waits for us to read on serves nobody meanwhile. */
static enum served serve_messages(struct peer *peer)
{
    enum served served = MORE;

    for (int i = 0; i < MESSAGES_PER_TURN && served == MORE; i++)
        served = serve_message(peer);
    return served;
}

static void let_rest(struct peer *peer)
{
    peer->rests = now() + rest;
    unwatch_descriptor(&peer->watch);
}

static void hear_again(struct peer *peer)
{
    peer->rests = 0;
    watch_descriptor(&peer->watch, peer->fd, serve_peer);
}

static void serve_peer(struct watch *watch)
{
    struct peer *peer = (struct peer *)watch;
    enum served served = serve_messages(peer);

    if (served == DROP)
        drop_peer(peer);
    else if (served == LATER || peer->messages > MESSAGES_BEFORE_REST)
        let_rest(peer);
}

static void accept_again(int64_t time)
{
    if (paused_until == 0 || time < paused_until)
        return;
    paused_until = 0;
    watch_descriptor(&listener, listener.fd, accept_peers);
}

/* What it has said waits for us: after a long look, we are the one who has kept it waiting. */
static bool has_spoken(const struct peer *peer)
{
    struct pollfd end = {.fd = peer->fd, .events = POLLIN};

    return poll(&end, 1, 0) == 1 && end.revents & POLLIN;
}

/* When something is due for this peer, which may be dropped now: then 0. */
static int64_t look_after(struct peer *peer, int64_t time)
{
    if (peer->rests != 0 && peer->rests <= time)
        hear_again(peer);
    if (peer->rests != 0 || peer->watches)
        return peer->rests;
    if (peer->expires <= time && has_spoken(peer))
        peer->expires = time + peer_patience;
    if (peer->expires > time)
        return peer->expires;
    log_line(LEVEL_DEBUG, "control: process %d is silent and dropped",
             peer->identity.credentials.pid);
    drop_peer(peer);
    return 0;
}

int64_t look_after_peers(void)
{
    int64_t time = peer_count > 0 || paused_until != 0 ? now() : 0;
    int64_t next;

    accept_again(time);
    next = paused_until;
    for (size_t i = peer_count; i-- > 0;) {
        int64_t due = look_after(peers[i], time);

        if (due != 0 && (next == 0 || due < next))
            next = due;
    }
    return next;
}

static void carry_peer(struct carrier *carrier, struct peer *peer)
{
    peer->fd = carry_descriptor(carrier, "peer", peer->fd, IS_NEEDED);
    carry_identity(carrier, &peer->identity);
    peer->watches = carry_bool(carrier, "watches", peer->watches);
    peer->expires = carry_time(carrier, "expires", peer->expires);
    peer->messages =
        (size_t)carry_number(carrier, "messages", (int64_t)peer->messages, 0, INT64_MAX);
    peer->rests = carry_time(carrier, "rests", peer->rests);
}

void carry_control(struct carrier *carrier)
{
    size_t count = carry_count(carrier, "peers", peer_count, MOST_PEERS);

    while (is_reading(carrier) && peer_count > 0) /* of what was read before */
        free(peers[--peer_count]);
    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            peers[peer_count++] = allocate(1, sizeof(struct peer));
        carry_peer(carrier, peers[i]);
    }
    listener.fd = carry_descriptor(carrier, "control-socket", listener.fd, IS_NEEDED);
    paused_until = carry_time(carrier, "paused-until", paused_until);
}

static bool resume_peer(struct peer *peer)
{
    if (!resume_identity(&peer->identity, peer->fd))
        return false;
    speaker_came(peer->identity.credentials.pid);
    if (peer->watches)
        add_watcher(peer->fd);
    if (peer->rests == 0)
        watch_descriptor(&peer->watch, peer->fd, serve_peer);
    return true;
}

void resume_control(void)
{
    limit_peers();
    if (paused_until == 0)
        watch_descriptor(&listener, listener.fd, accept_peers);
    for (size_t i = peer_count; i-- > 0;)
        if (!resume_peer(peers[i]))
            drop_peer(peers[i]);
}

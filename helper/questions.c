/*
 * One function a question. Each is believed only about the generation that the
 * peer belongs to, and only in a state in which that generation may ask it. What
 * is done for a peer is what it might do itself: it may have fewer privileges.
 */
#include "questions.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "adopt.h"
#include "collect.h"
#include "connections.h"
#include "family.h"
#include "generation.h"
#include "growing_set.h"
#include "log.h"
#include "packet.h"
#include "procfile.h"
#include "ready.h"
#include "receivers.h"
#include "replacements.h"
#include "retire.h"
#include "sharing.h"
#include "unlink.h"
#include "upgrade.h"

struct question {
    int fd; /* of the connection */
    const struct ucred *peer;
    struct generation *generation; /* of the peer */
    const struct message *message;
    int descriptor; /* that came along, or -1; whoever takes it leaves -1 */
};

static bool send_answer(int fd, enum message_kind kind, const int *descriptors, size_t count)
{
    struct message message;
    struct packet packet = {&message, sizeof message, descriptors, count, NULL, 0};

    memset(&message, 0, sizeof message);
    message.magic = PROTOCOL_MAGIC;
    message.version = PROTOCOL_VERSION;
    message.kind = (uint16_t)kind;
    return send_packet(fd, &packet);
}

static bool answer(const struct question *question, enum message_kind kind)
{
    return send_answer(question->fd, kind, NULL, 0);
}

/*
 * A process of a retired generation must not begin to receive where its successor does: then a
 * socket for that place, which we close. Else -1.
 */
static int open_deaf_socket(const struct generation *generation, const struct listener_key *key)
{
    if (generation->state < RETIRING || !has_handed_over(generation, key))
        return -1;
    return key->type == SOCK_DGRAM ? open_deaf_datagram_socket(key->family) : open_deaf_listener(0);
}

static bool bind_asked(struct question *question)
{
    const struct listener_key *key = &question->message->key;
    int inherited = adopt_listener(question->generation, key);
    int deaf = -1;
    bool sent;

    if (inherited == -1)
        let_join_sets(key);
    /* once it is bound, it receives; what listens is asked about when it does: MESSAGE_LISTEN */
    if (inherited == -1 && key->type == SOCK_DGRAM)
        inherited = deaf = open_deaf_socket(question->generation, key);
    if (inherited == -1)
        return answer(question, MESSAGE_NONE);
    sent = send_answer(question->fd, MESSAGE_ADOPT, &inherited, 1);
    if (deaf != -1)
        close(deaf);
    return sent;
}

static bool given_back(struct question *question)
{
    listener_given_back(question->generation, question->message->inode);
    return false;
}

static bool listening(struct question *question)
{
    listener_listens(question->generation, question->message->inode);
    return false;
}

static bool bound(struct question *question)
{
    datagram_socket_bound(question->generation, question->message->inode);
    return false;
}

static bool waiting(struct question *question)
{
    question->generation->waits = true;
    happen(question->generation, WAITING);
    return false;
}

static bool unlink_asked(struct question *question)
{
    return answer(question,
                  may_unlink(question->generation, &question->message->key, question->peer->pid)
                      ? MESSAGE_NONE
                      : MESSAGE_KEEP);
}

static bool unlink_pid_asked(struct question *question)
{
    return answer(question, is_of_successor(question->generation, question->message->sender)
                                ? MESSAGE_KEEP
                                : MESSAGE_NONE);
}

/* The caller's own directory, opened with our view of the file system, before any chroot. */
static bool directory_asked(struct question *question)
{
    char path[32];
    int directory;
    bool sent;

    snprintf(path, sizeof path, "/proc/%d", question->peer->pid);
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory == -1)
        return answer(question, MESSAGE_NONE);
    sent = send_answer(question->fd, MESSAGE_DIRECTORY, &directory, 1);
    close(directory);
    return sent;
}

/* The rule of kill(2), as far as the kernel tells us who the peer is: its effective uid. */
static bool may_signal(const struct ucred *peer, pid_t target, int number)
{
    uid_t real;
    uid_t saved;

    if (peer->uid == 0 || (number == SIGCONT && getsid(peer->pid) == getsid(target)))
        return true;
    return read_uids(target, &real, &saved) && (peer->uid == real || peer->uid == saved);
}

/* Without us, the group would be this generation and nobody else. */
static bool group_signal_asked(struct question *question)
{
    const struct family *family = look_at_family();
    int number = question->message->signal_number;

    if (number < 1 || number >= NSIG)
        return answer(question, MESSAGE_NONE);
    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        if (member->generation == question->generation->number && member->group == getpgrp() &&
            may_signal(question->peer, member->pid, number))
            kill(member->pid, number);
    }
    return answer(question, MESSAGE_SIGNALLED);
}

static bool upgrade_asked(struct question *question)
{
    pid_t sender = question->message->sender;

    /* a server that signals its own workers means something else by it */
    if (sender > 0 && is_member(sender))
        return answer(question, MESSAGE_NONE);
    request_upgrade();
    return answer(question, MESSAGE_UPGRADING);
}

static bool listener_sent(struct question *question)
{
    listener_collected(question->generation, question->peer->pid, question->message,
                       question->descriptor);
    question->descriptor = -1;
    return true;
}

static bool collected_all(struct question *question)
{
    process_collected(question->generation, question->peer->pid, question->message->error);
    return false;
}

static bool replacements_asked(struct question *question)
{
    const int *replacements = open_replacements();
    enum message_kind kind =
        may_keep_listeners(question->generation) ? MESSAGE_REPLACEMENT_ASK : MESSAGE_REPLACEMENT;

    return replacements && send_answer(question->fd, kind, replacements, REPLACEMENTS);
}

static bool queue_asked(struct question *question)
{
    return answer(question, keeps_listener(question->generation, question->message->inode)
                                ? MESSAGE_KEEP
                                : MESSAGE_NONE);
}

static bool listen_asked(struct question *question)
{
    int deaf = open_deaf_socket(question->generation, &question->message->key);
    bool sent;

    if (deaf == -1)
        return answer(question, has_bound(question->generation, question->message->inode)
                                    ? MESSAGE_KEEP
                                    : MESSAGE_NONE);
    sent = send_answer(question->fd, MESSAGE_REPLACEMENT, &deaf, 1);
    close(deaf);
    return sent;
}

static bool shared_asked(struct question *question)
{
    enum message_kind kind = MESSAGE_NONE;

    if (question->generation->state < READY)
        kind = MESSAGE_UPGRADING;
    for (const struct generation *old = question->generation->older; old; old = old->older)
        if (may_still_receive(old))
            kind = MESSAGE_KEEP;
    return answer(question, kind);
}

static bool shutdown_asked(struct question *question)
{
    bool may = may_shut_down(question->generation, question->message->inode);

    return answer(question, may ? MESSAGE_NONE : MESSAGE_KEEP);
}

static bool steers(struct question *question)
{
    leave_sets_alone();
    return answer(question, MESSAGE_NONE);
}

static bool sockets_told(struct question *question)
{
    sockets_reported(question->generation, question->message);
    return true;
}

static bool counted(struct question *question)
{
    process_counted(question->generation, question->peer->pid, question->message->error);
    return false;
}

static bool has_retired(struct question *question)
{
    process_retired(question->generation, question->peer->pid, question->message->error);
    return false;
}

/* Each returns false when there is no more to say on that connection. */
static bool (*const table[])(struct question *question) = {
    [MESSAGE_BIND] = bind_asked,
    [MESSAGE_GIVE_BACK] = given_back,
    [MESSAGE_LISTENING] = listening,
    [MESSAGE_BOUND] = bound,
    [MESSAGE_WAITING] = waiting,
    [MESSAGE_UNLINK] = unlink_asked,
    [MESSAGE_UNLINK_PID] = unlink_pid_asked,
    [MESSAGE_PROC] = directory_asked,
    [MESSAGE_SIGNAL_GROUP] = group_signal_asked,
    [MESSAGE_UPGRADE] = upgrade_asked,
    [MESSAGE_LISTENER] = listener_sent,
    [MESSAGE_COLLECTED] = collected_all,
    [MESSAGE_RETIRE] = replacements_asked,
    [MESSAGE_QUEUE] = queue_asked,
    [MESSAGE_SOCKETS] = sockets_told,
    [MESSAGE_RETIRED] = has_retired,
    [MESSAGE_LISTEN] = listen_asked,
    [MESSAGE_COUNTED] = counted,
    [MESSAGE_SHUTDOWN] = shutdown_asked,
    [MESSAGE_SHARED] = shared_asked,
    [MESSAGE_STEER] = steers,
};

enum { KINDS = sizeof table / sizeof *table };

/* May this peer speak for that generation? */
static bool is_believed(const struct question *question)
{
    pid_t pid = question->peer->pid;
    const struct message *message = question->message;

    log_line(LEVEL_DEBUG, "control: process %d of generation %u says %u", pid, message->generation,
             message->kind);
    if (!question->generation)
        log_line(LEVEL_DEBUG, "control: process %d speaks of generation %u, which is gone", pid,
                 message->generation);
    else if (!may_belong_to(pid, message->generation))
        log_line(LEVEL_DEBUG, "control: process %d does not belong to generation %u", pid,
                 message->generation);
    else
        return true;
    return false;
}

static bool take_message(struct question *question)
{
    unsigned kind = question->message->kind;

    if (!is_believed(question))
        return false;
    learn_member(question->peer->pid, question->generation->number);
    if (kind < KINDS && table[kind])
        return table[kind](question);
    log_line(LEVEL_DEBUG, "control: process %d sent a message of unknown kind %u",
             question->peer->pid, kind);
    return false;
}

bool answer_message(int fd, const struct ucred *peer, const struct message *message, int descriptor)
{
    struct question question = {fd, peer, find_generation(message->generation), message,
                                descriptor};
    bool keep = take_message(&question);

    if (question.descriptor != -1)
        close(question.descriptor);
    return keep;
}

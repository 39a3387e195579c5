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

static bool bind_asked(int fd, struct generation *generation, const struct message *message)
{
    int inherited = adopt_listener(generation, &message->key);
    int deaf = -1;
    bool sent;

    if (inherited == -1)
        let_join_sets(&message->key);
    /* once it is bound, it receives; what listens is asked about when it does: MESSAGE_LISTEN */
    if (inherited == -1 && message->key.type == SOCK_DGRAM)
        inherited = deaf = open_deaf_socket(generation, &message->key);
    if (inherited == -1)
        return send_answer(fd, MESSAGE_NONE, NULL, 0);
    sent = send_answer(fd, MESSAGE_ADOPT, &inherited, 1);
    if (deaf != -1)
        close(deaf);
    return sent;
}

static bool upgrade_asked(int fd, const struct message *message)
{
    /* a server that signals its own workers means something else by it */
    if (message->sender > 0 && is_member(message->sender))
        return send_answer(fd, MESSAGE_NONE, NULL, 0);
    request_upgrade();
    return send_answer(fd, MESSAGE_UPGRADING, NULL, 0);
}

/* The caller's own directory, opened with our view of the file system, before any chroot. */
static bool directory_asked(int fd, pid_t pid)
{
    char path[32];
    int directory;
    bool sent;

    snprintf(path, sizeof path, "/proc/%d", pid);
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory == -1)
        return send_answer(fd, MESSAGE_NONE, NULL, 0);
    sent = send_answer(fd, MESSAGE_DIRECTORY, &directory, 1);
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
static bool group_signal_asked(int fd, const struct ucred *peer,
                               const struct generation *generation, int number)
{
    const struct family *family = look_at_family();

    if (number < 1 || number >= NSIG)
        return send_answer(fd, MESSAGE_NONE, NULL, 0);
    for (size_t i = 0; i < family->count; i++)
        if (family->member[i].generation == generation->number &&
            family->member[i].group == getpgrp() && may_signal(peer, family->member[i].pid, number))
            kill(family->member[i].pid, number);
    return send_answer(fd, MESSAGE_SIGNALLED, NULL, 0);
}

static bool replacements_asked(int fd, const struct generation *generation)
{
    const int *replacements = open_replacements();

    return replacements && send_answer(fd,
                                       may_keep_listeners(generation) ? MESSAGE_REPLACEMENT_ASK
                                                                      : MESSAGE_REPLACEMENT,
                                       replacements, REPLACEMENTS);
}

static bool listen_asked(int fd, const struct generation *generation, const struct message *message)
{
    int deaf = open_deaf_socket(generation, &message->key);
    bool sent;

    if (deaf == -1)
        return send_answer(fd, has_bound(generation, message->inode) ? MESSAGE_KEEP : MESSAGE_NONE,
                           NULL, 0);
    sent = send_answer(fd, MESSAGE_REPLACEMENT, &deaf, 1);
    close(deaf);
    return sent;
}

static bool shared_asked(int fd, const struct generation *generation)
{
    enum message_kind answer = MESSAGE_NONE;

    if (generation->state < READY)
        answer = MESSAGE_UPGRADING;
    for (const struct generation *old = generation->older; old; old = old->older)
        if (may_still_receive(old))
            answer = MESSAGE_KEEP;
    return send_answer(fd, answer, NULL, 0);
}

bool answer_message(int fd, const struct ucred *peer, const struct message *message, int descriptor)
{
    struct generation *generation = find_generation(message->generation);
    const pid_t pid = peer->pid;
    bool keep = false;

    log_line(LEVEL_DEBUG, "control: process %d of generation %u says %u", pid, message->generation,
             message->kind);
    if (!generation) {
        log_line(LEVEL_DEBUG, "control: process %d speaks of generation %u, which is gone", pid,
                 message->generation);
    } else if (!may_belong_to(pid, generation->number)) {
        log_line(LEVEL_DEBUG, "control: process %d does not belong to generation %u", pid,
                 generation->number);
    } else {
        learn_member(pid, generation->number);
        switch (message->kind) {
        case MESSAGE_BIND:
            keep = bind_asked(fd, generation, message);
            break;
        case MESSAGE_GIVE_BACK:
            listener_given_back(generation, message->inode);
            break;
        case MESSAGE_LISTENING:
            listener_listens(generation, message->inode);
            break;
        case MESSAGE_BOUND:
            datagram_socket_bound(generation, message->inode);
            break;
        case MESSAGE_WAITING:
            generation->waits = true;
            happen(generation, WAITING);
            break;
        case MESSAGE_UNLINK:
            keep = send_answer(
                fd, may_unlink(generation, &message->key, pid) ? MESSAGE_NONE : MESSAGE_KEEP, NULL,
                0);
            break;
        case MESSAGE_SHUTDOWN:
            keep = send_answer(
                fd, may_shut_down(generation, message->inode) ? MESSAGE_NONE : MESSAGE_KEEP, NULL,
                0);
            break;
        case MESSAGE_UNLINK_PID:
            keep = send_answer(
                fd, is_of_successor(generation, message->sender) ? MESSAGE_KEEP : MESSAGE_NONE,
                NULL, 0);
            break;
        case MESSAGE_PROC:
            keep = directory_asked(fd, pid);
            break;
        case MESSAGE_SIGNAL_GROUP:
            keep = group_signal_asked(fd, peer, generation, message->signal_number);
            break;
        case MESSAGE_UPGRADE:
            keep = upgrade_asked(fd, message);
            break;
        case MESSAGE_LISTENER:
            listener_collected(generation, pid, message, descriptor);
            return true;
        case MESSAGE_COLLECTED:
            process_collected(generation, pid, message->error);
            break;
        case MESSAGE_RETIRE:
            keep = replacements_asked(fd, generation);
            break;
        case MESSAGE_QUEUE:
            keep = send_answer(
                fd, keeps_listener(generation, message->inode) ? MESSAGE_KEEP : MESSAGE_NONE, NULL,
                0);
            break;
        case MESSAGE_LISTEN:
            keep = listen_asked(fd, generation, message);
            break;
        case MESSAGE_STEER:
            leave_sets_alone();
            keep = send_answer(fd, MESSAGE_NONE, NULL, 0);
            break;
        case MESSAGE_SOCKETS:
            sockets_reported(generation, message);
            keep = true;
            break;
        case MESSAGE_SHARED:
            keep = shared_asked(fd, generation);
            break;
        case MESSAGE_COUNTED:
            process_counted(generation, pid, message->error);
            break;
        case MESSAGE_RETIRED:
            process_retired(generation, pid, message->error);
            break;
        default:
            log_line(LEVEL_DEBUG, "control: process %d sent a message of unknown kind %u", pid,
                     message->kind);
        }
    }
    if (descriptor != -1)
        close(descriptor);
    return keep;
}

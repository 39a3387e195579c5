/*
 * One function a question. Each is believed only about the generation that the
 * peer belongs to, and only in a state in which that generation may ask it. What
 * is done for a peer is what it might do itself: it may have fewer privileges. What
 * other generations have to do with is answered in sharing_questions.c.
 */
#include "questions.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/drain/socket_reports.h"
#include "helper/generation/generation.h"
#include "helper/lifecycle/adopt.h"
#include "helper/lifecycle/collect.h"
#include "helper/lifecycle/keep.h"
#include "helper/lifecycle/own_upgrade.h"
#include "helper/lifecycle/ready.h"
#include "helper/lifecycle/receivers.h"
#include "helper/lifecycle/retire.h"
#include "helper/lifecycle/roll_back.h"
#include "helper/lifecycle/sessions.h"
#include "helper/lifecycle/upgrade.h"
#include "helper/listeners/growing_set.h"
#include "helper/listeners/peers.h"
#include "helper/listeners/replacements.h"
#include "helper/processes/asker.h"
#include "helper/processes/belonging.h"
#include "helper/processes/family.h"
#include "helper/processes/first_processes.h"
#include "helper/processes/refusals.h"
#include "helper/processes/session.h"
#include "helper/settings/settings.h"
#include "question.h"
#include "sharing_questions.h"

/*
 * A process of a retired generation must not begin to receive where its successor does: then a
 * socket for that place, which we close. Else -1.
 */
static int open_deaf_socket(const struct generation *generation, const struct listener_key *key)
{
    if (!has_retired(generation->state) || !has_handed_over(generation, key))
        return -1;
    return key->type == SOCK_DGRAM ? open_deaf_datagram_socket(key->family) : open_deaf_listener(0);
}

static bool bind_asked(struct question *question)
{
    const struct listener_key *key = &question->message->key;
    int inherited = adopt_listener(question->generation, key, question->peer);
    int deaf = -1;
    bool sent;

    if (inherited == -1) {
        let_join_sets(key);
        make_way(question->generation, key);
    }
    /* once it is bound, it receives; what listens is asked about when it does: MESSAGE_LISTEN */
    if (inherited == -1 && key->type == SOCK_DGRAM)
        inherited = deaf = open_deaf_socket(question->generation, key);
    if (inherited == -1)
        return answer(question, ANSWER_BIND_YOURSELF);
    sent = send_answer(question, ANSWER_ADOPT, &inherited, 1);
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
    socket_bound(question->generation, question->message->inode);
    listener_listens(question->generation, question->message->inode);
    return false;
}

static bool bound(struct question *question)
{
    socket_bound(question->generation, question->message->inode);
    return false;
}

static bool waiting(struct question *question)
{
    waits_for_clients(question->peer->pid, question->generation->number);
    note_who_waits(question->generation, question->peer->pid, question->message->inode);
    question->generation->signs.waits = true;
    happen(question->generation, WAITING);
    return false;
}

static bool is_main_process(const struct question *question)
{
    const struct member *member;

    if (!question->generation->exited)
        return question->peer->pid == question->generation->first;
    /* of a daemon, whoever has no other process of the server above it */
    member = find_member(question->peer->pid);
    return member && member->generation == question->generation->number &&
           !find_member(member->parent);
}

/*
 * Who could not send us a signal has no upgrade started by saying that it was sent one: but the
 * main process, whose pid operators know, may have dropped its privileges.
 */
static bool may_ask_for_upgrade(const struct question *question)
{
    uid_t user = question->peer->uid;

    return user == 0 || user == geteuid() || is_main_process(question);
}

static bool upgrade_asked(struct question *question)
{
    pid_t sender = question->message->pid;
    char asker[ASKER_TEXT];

    /* a server that signals its own workers means something else by it; and what we pass on
     * ourselves, a terminal's hang-up, was meant for the server */
    if (sender > 0 && (sender == getpid() || is_member(sender)))
        return answer(question, ANSWER_NOT_OURS);
    if (!may_ask_for_upgrade(question)) {
        log_line(LEVEL_DEBUG, "control: process %d of uid %u may not ask for an upgrade",
                 question->peer->pid, question->peer->uid);
        note_refusal();
        return answer(question, ANSWER_NOT_OURS);
    }
    write_signaller(asker, settings.upgrade_signal, sender, -1);
    request_upgrade_by_signal(asker);
    return answer(question, ANSWER_UPGRADING);
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

/* An order may be forged by whoever may send it a signal. It goes deaf only if it is true. */
static bool replacements_asked(struct question *question)
{
    const int *replacements = has_retired(question->generation->state) ? open_replacements() : NULL;
    bool asks = may_keep_listeners(question->generation) || keeps_sessions(question->generation);
    enum message_kind kind = asks ? ANSWER_REPLACEMENTS_BUT_ASK : ANSWER_REPLACEMENTS;

    return replacements && send_answer(question, kind, replacements, REPLACEMENTS);
}

static bool queue_asked(struct question *question)
{
    struct generation *generation = question->generation;
    uint64_t inode = question->message->inode;
    bool keeps = keeps_listener(generation, inode) || keeps_sessions_on(generation, inode);

    return answer(question, keeps ? ANSWER_KEEP_LISTENER : ANSWER_RETIRE_LISTENER);
}

static bool listen_asked(struct question *question)
{
    int deaf = open_deaf_socket(question->generation, &question->message->key);
    bool sent;

    /* whether a datagram socket serves is what is asked, not told */
    if (question->message->key.type != SOCK_DGRAM)
        socket_bound(question->generation, question->message->inode);
    if (deaf == -1)
        return answer(question, has_bound(question->generation, question->message->inode)
                                    ? ANSWER_SERVED
                                    : ANSWER_NOT_SERVED);
    sent = send_answer(question, ANSWER_DEAF_SOCKET, &deaf, 1);
    close(deaf);
    return sent;
}

static bool steers(struct question *question)
{
    leave_sets_alone();
    for (struct generation *g = generations; g; g = g->older)
        open_to_all(&g->inheritance);
    return answer(question, ANSWER_STEER);
}

static bool listener_back_asked(struct question *question)
{
    int listener = listener_to_take_back(question->generation, question->message->inode);

    if (listener == -1)
        return answer(question, ANSWER_LISTENER_GONE);
    return send_answer(question, ANSWER_LISTENER_BACK, &listener, 1);
}

static bool took_back(struct question *question)
{
    process_took_back(question->generation, question->peer->pid, question->message->error);
    return false;
}

static bool copied_all(struct question *question)
{
    process_copied(question->generation, question->peer->pid, question->message->error);
    return false;
}

static bool sockets_told(struct question *question)
{
    sockets_reported(question->generation, (const struct sockets_message *)question->message);
    return true;
}

static bool counted(struct question *question)
{
    process_counted(question->generation, question->peer->pid, question->message->error);
    return false;
}

static bool given_up(struct question *question)
{
    process_retired(question->generation, question->peer->pid, question->message->error);
    return false;
}

static bool peers_asked(struct question *question)
{
    struct generation *generation = question->generation;
    int file;

    if (settings.udp != 0 && !generation->peers)
        generation->peers = new_peers();
    if (!generation->peers)
        return answer(question, ANSWER_NO_PEER_TABLE);
    file = file_of_peers(generation->peers);
    return send_answer(question, ANSWER_PEER_TABLE, &file, 1);
}

static bool peer_told(struct question *question)
{
    if (has_retired(question->generation->state))
        route_new_peer();
    return answer(question, ANSWER_PEER_KNOWN);
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
    [MESSAGE_PROC] = proc_text_asked,
    [MESSAGE_SIGNAL_GROUP] = group_signal_asked,
    [MESSAGE_UPGRADE] = upgrade_asked,
    [MESSAGE_LISTENER] = listener_sent,
    [MESSAGE_COLLECTED] = collected_all,
    [MESSAGE_RETIRE] = replacements_asked,
    [MESSAGE_QUEUE] = queue_asked,
    [MESSAGE_SOCKETS] = sockets_told,
    [MESSAGE_RETIRED] = given_up,
    [MESSAGE_LISTEN] = listen_asked,
    [MESSAGE_COUNTED] = counted,
    [MESSAGE_SHUTDOWN] = shutdown_asked,
    [MESSAGE_SHARED] = shared_asked,
    [MESSAGE_STEER] = steers,
    [MESSAGE_TAKE_BACK] = listener_back_asked,
    [MESSAGE_TAKEN_BACK] = took_back,
    [MESSAGE_SIGNAL] = signal_asked,
    [MESSAGE_COPIED] = copied_all,
    [MESSAGE_CONNECT] = connect_asked,
    [MESSAGE_LOCK] = lock_asked,
    [MESSAGE_CREATE] = create_asked,
    [MESSAGE_UNLINK_FILE] = unlink_file_asked,
    [MESSAGE_PEERS] = peers_asked,
    [MESSAGE_PEER] = peer_told,
};

static_assert(sizeof table / sizeof *table == MESSAGES_END, "every question has a function");

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
    else if (!knows_generation(message->generation, message->secret))
        log_line(LEVEL_DEBUG, "control: process %d does not know the secret of generation %u", pid,
                 message->generation);
    else
        return true;
    note_refusal();
    return false;
}

static bool take_message(struct question *question)
{
    const unsigned kind = question->message->kind;

    if (!is_believed(question))
        return false;
    learn_member(question->peer->pid, question->generation->number);
    question->generation->library = question->message->version;
    return table[kind](question);
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

/* Whoever knows the secrets is the library, and what has been understood is not in question. */
void not_understood(const struct ucred *peer, const struct message *message)
{
    const struct question question = {
        .peer = peer, .generation = find_generation(message->generation), .message = message};
    struct generation *generation = question.generation;
    unsigned version = message->version;

    if (message->kind >= DEMAND_STATUS || !is_believed(&question) || generation->library != 0)
        return;
    generation->library = version;
    if (current && is_on_its_way(generation->state))
        fail_upgrade(generation,
                     "its library speaks version %u of the protocol, and this tfhelper version %d",
                     version, PROTOCOL_VERSION);
    else
        log_line(LEVEL_ERROR,
                 "generation %u: it cannot be upgraded: its library speaks version %u of the "
                 "protocol, and this tfhelper version %d",
                 generation->number, version, PROTOCOL_VERSION);
}

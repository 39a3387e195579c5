/*
 * Without us a process would be alone with what is its own. With us there is another generation at
 * the same paths and ports, in the same process group. What it asks here is answered so that it
 * sees what it would see alone; what these answers rest on is in helper/lifecycle. Who may ask at
 * all, questions.c has decided.
 */
#include "sharing_questions.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/lifecycle/retire.h"
#include "helper/lifecycle/shared_files.h"
#include "helper/lifecycle/sharing.h"
#include "helper/lifecycle/sight.h"
#include "helper/lifecycle/unlink.h"
#include "helper/processes/deliver.h"
#include "helper/processes/family.h"
#include "helper/processes/proc_for_chroot.h"
#include "question.h"

bool unlink_asked(struct question *question)
{
    return answer(question,
                  may_unlink(question->generation, &question->message->key, question->peer->pid)
                      ? ANSWER_UNLINK_FILE
                      : ANSWER_KEEP_FILE);
}

bool unlink_pid_asked(struct question *question)
{
    if (!is_served_by(question->generation, question->message->pid))
        return answer(question, ANSWER_UNLINK_FILE);
    note_removed(question->generation, &question->message->key);
    return answer(question, ANSWER_KEEP_FILE);
}

bool unlink_file_asked(struct question *question)
{
    return answer(question, may_remove_shared(question->generation, &question->message->key)
                                ? ANSWER_UNLINK_FILE
                                : ANSWER_KEEP_FILE);
}

static bool answer_sharing(const struct question *question, enum sharing sharing)
{
    static const enum message_kind kinds[] = {
        [NO_NEIGHBOUR] = ANSWER_UNSHARED,
        [NOT_SHARED] = ANSWER_OTHERS_FILE,
        [SHARED] = ANSWER_SHARE_FILE,
        [REMOVED] = ANSWER_UNLINK_FILE,
    };

    return answer(question, kinds[sharing]);
}

bool lock_asked(struct question *question)
{
    return answer_sharing(question, sharing_of_lock(question->generation, &question->message->key));
}

bool create_asked(struct question *question)
{
    return answer_sharing(
        question,
        sharing_of_new_file(question->generation, &question->message->key, question->message->pid));
}

bool signal_asked(struct question *question)
{
    return answer(question,
                  sees_process(question->generation, question->peer->pid, question->message->pid)
                      ? ANSWER_SEEN_PROCESS
                      : ANSWER_HIDDEN_PROCESS);
}

bool connect_asked(struct question *question)
{
    struct generation *generation = question->generation;

    if (!is_starting_after_another(generation))
        return answer(question, ANSWER_CONNECT_ALWAYS);
    return answer(question, leads_to_predecessor(generation, &question->message->key)
                                ? ANSWER_REFUSE
                                : ANSWER_CONNECT);
}

/*
 * The process that has connected may execute a set-user-ID program, and leave the connection to
 * somebody else: what /proc says of it now, only its new user may read.
 */
static bool is_same_user(const struct ucred *peer)
{
    struct proc_status status;

    return read_status(peer->pid, &status) == IS_THERE && status.effective == peer->uid;
}

/* It might look itself, but for a chroot. */
bool proc_text_asked(struct question *question)
{
    const struct message *message = question->message;
    int file = open_proc_text(question->peer->pid, message->position, message->inode);
    bool sent;

    /* what could not be looked at is not absent: then there is no answer */
    if (file == -1)
        return (errno == ENOENT || errno == ESRCH) && answer(question, ANSWER_NO_PROC_TEXT);
    sent = is_same_user(question->peer) && send_answer(question, ANSWER_PROC_TEXT, &file, 1);
    close(file);
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
bool group_signal_asked(struct question *question)
{
    const struct family *family = look_at_family();
    int number = question->message->signal_number;

    if (number >= NSIG)
        return answer(question, ANSWER_NOT_SIGNALLED);
    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        if (member->generation == question->generation->number && member->group == getpgrp() &&
            may_signal(question->peer, member->pid, number))
            signal_member(member, number);
    }
    return answer(question, ANSWER_SIGNALLED);
}

bool shared_asked(struct question *question)
{
    enum message_kind kind = ANSWER_NO_PREDECESSOR;

    if (is_inheriting(question->generation->state))
        kind = ANSWER_PREDECESSOR_SERVES;
    for (const struct generation *old = question->generation->older; old; old = old->older)
        if (may_still_receive(old))
            kind = ANSWER_PREDECESSOR_RETIRES;
    return answer(question, kind);
}

bool shutdown_asked(struct question *question)
{
    bool may = may_shut_down(question->generation, question->message->inode);

    return answer(question, may ? ANSWER_OWN_SOCKET : ANSWER_SHARED_SOCKET);
}

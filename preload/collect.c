/* The helper gets a copy of each listener: an accept queue lives as long as one copy does. */
#include "collect.h"

#include <errno.h>

#include "control.h"
#include "descriptors.h"
#include "kernel.h"
#include "keys.h"
#include "notes.h"
#include "process.h"

static int send_listener(int control, const struct surveyed_socket *listener)
{
    struct message message = new_message(MESSAGE_LISTENER);
    struct note *note = find_note(listener->inode);

    message.inode = listener->inode;
    message.status_flags = kernel_fcntl(listener->fd, F_GETFL, 0);
    if (!note) {
        if (listener_key_of(listener->fd, NULL, 0, &message.key) == -1)
            return -1;
    } else {
        message.key = note->key;
        message.order = note->order;
        note->status_flags = message.status_flags;
        note->collected = true;
    }
    return send_message(control, &message, listener->fd);
}

/*
 * What retiring has open at once beside the control socket: the replacements,
 * /proc/self, a directory of it and a file. A program that has used up its
 * descriptors would accept for good beside its successor.
 */
enum { RETIRING_DESCRIPTORS = REPLACEMENTS + 3 };

/* Returns 0, or the errno for which retiring would fail. */
static int try_descriptors(int control)
{
    int spare[RETIRING_DESCRIPTORS];
    int count = 0;
    int error = 0;

    while (error == 0 && count < RETIRING_DESCRIPTORS) {
        spare[count] = kernel_fcntl(control, F_DUPFD_CLOEXEC, 0);
        if (spare[count] == -1)
            error = errno;
        else
            count++;
    }
    while (count > 0)
        kernel_close(spare[--count]);
    return error;
}

/*
 * Attention first: from the moment that the helper has a listener, a successor
 * may change its flags. Any failure ends the exchange without MESSAGE_COLLECTED,
 * and the helper asks again.
 */
void send_listeners(void)
{
    struct survey *survey = lock_survey();
    struct message end = new_message(MESSAGE_COLLECTED);
    int control;

    if (!survey)
        return;
    survey->wanted = want_service_sockets;
    survey_descriptors(survey);
    end.error = survey->error;
    control = open_control();
    if (control != -1) {
        int result = 0;

        if (end.error == 0 && survey->sockets > 0)
            end.error = try_descriptors(control);
        if (survey->sockets > 0)
            atomic_fetch_or(&attention, ATTENTION_UPGRADE);
        for (unsigned i = 0; i < survey->sockets && result == 0; i++)
            result = send_listener(control, &survey->socket[i]);
        if (result == 0)
            send_message(control, &end, -1);
        kernel_close(control);
    }
    unlock_survey(survey);
}

static void no_longer_collected(struct note *note, void *argument)
{
    (void)argument;
    note->collected = false;
}

void resume_listeners(void)
{
    atomic_fetch_and(&attention, ~(unsigned)ATTENTION_UPGRADE);
    for_each_note(no_longer_collected, NULL);
}

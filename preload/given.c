/*
 * A listener that came through exec, or over a unix socket, has no note yet, and
 * this process no handlers. What listens can be nothing else; a datagram socket
 * may be a client's, so it counts if the helper knows it: some process of this
 * generation has bound it to serve, or who has started us: the service manager
 * (LISTEN_FDS), or inetd.
 */
#include "given.h"

#include "descriptors.h"
#include "kernel.h"
#include "keys.h"
#include "latecomers.h"
#include "names.h"
#include "notes.h"
#include "process.h"
#include "signals.h"

static bool want_given_sockets(int fd, ino_t inode, void *listeners_too)
{
    return may_serve_datagrams(fd) ||
           (*(bool *)listeners_too && want_service_sockets(fd, inode, NULL));
}

static void note_given_datagrams(struct note *note, int fd)
{
    bool blocks = !(kernel_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);

    note->datagram = true;
    note->undecided = note->wants_blocking = blocks;
    if (blocks)
        atomic_fetch_or(&attention, ATTENTION_ADOPTED | ATTENTION_FLAGS);
}

/* Handlers first: whoever retires the others from now on tells us, too. */
static bool take_given_socket(const struct survey *survey, int fd)
{
    bool listens = is_listener(fd);
    struct listener_key key;
    struct note *note;
    int deaf;

    if (!listens && !is_known_to_serve(fd))
        return false;
    protect_signals();
    deaf = ask_for_deaf_socket(fd);
    if (deaf != -1) {
        keep_name(fd, deaf);
        replace_descriptor(survey, fd, deaf);
    } else if (listener_key_of(fd, NULL, 0, &key) == 0) {
        note = take_note(fd, &key);
        if (note && !listens)
            note_given_datagrams(note, fd);
    }
    kernel_close(deaf);
    return true;
}

bool take_given_sockets(bool listeners_too)
{
    struct survey *survey = own_state() ? lock_survey() : NULL;
    bool taken = false;

    if (!survey)
        return false;
    survey->wanted = want_given_sockets;
    survey->argument = &listeners_too;
    survey_descriptors(survey);
    for (unsigned i = 0; i < survey->sockets; i++)
        taken |= take_given_socket(survey, survey->socket[i].fd);
    unlock_survey(survey);
    return taken;
}

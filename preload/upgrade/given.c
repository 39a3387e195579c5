/*
 * A listener that came through exec, or over a unix socket, has no note yet, and
 * this process no handlers. What listens can be nothing else; a datagram socket
 * may be a client's, so it counts if the helper knows it: some process of this
 * generation has bound it to serve, or who has started us: the service manager
 * (LISTEN_FDS), or inetd.
 */
#include "given.h"

#include "generations.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/addresses.h"
#include "preload/process/notes.h"
#include "preload/process/peers.h"
#include "preload/process/process.h"
#include "preload/process/replace.h"
#include "preload/process/scan.h"
#include "preload/signals/actions.h"
#include "preload/wire/keys.h"

static enum want want_given_sockets(int fd, bool listens, void *listeners_too)
{
    if (may_serve_datagrams(fd))
        return WANTED;
    return *(bool *)listeners_too ? want_service_sockets(fd, listens, NULL) : NOT_WANTED;
}

static void note_given_datagrams(struct note *note, int fd)
{
    bool blocks = !(kernel_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);

    note_datagrams(note);
    note->undecided = note->wants_blocking = blocks;
    if (blocks)
        atomic_fetch_or(&attention, ATTENTION_ADOPTED | ATTENTION_FLAGS);
}

/*
 * The handlers are installed before the helper is asked: should the other processes be
 * told to retire meanwhile, this one is told, too.
 */
static bool take_given_socket(const struct scan *scan, int fd)
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
        keep_address(fd, deaf);
        replace_descriptor(scan, fd, deaf);
    } else if (listener_key_of(fd, NULL, 0, &key) == 0) {
        note = take_note(fd, &key);
        if (note && !listens) {
            note_given_datagrams(note, fd);
            begin_keeping_peers();
            keep_peers_of(fd, note->inode);
        }
    }
    kernel_close(deaf);
    return true;
}

bool take_given_sockets(bool listeners_too)
{
    struct scan *scan = own_state() ? lock_scan() : NULL;
    bool taken = false;

    if (!scan)
        return false;
    scan->wanted = want_given_sockets;
    scan->argument = &listeners_too;
    scan_descriptors(scan);
    for (unsigned i = 0; i < scan->sockets; i++)
        taken |= take_given_socket(scan, scan->socket[i].fd);
    unlock_scan(scan);
    return taken;
}

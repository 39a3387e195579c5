/*
 * A new generation binds as it always does. The helper still holds what the old
 * one listened on; where it has a socket for the same address, that takes the
 * place of the new one, under the same number, and bind() has succeeded.
 */
#include "adopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "beside.h"
#include "blocking.h"
#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/program_memory.h"
#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"
#include "preload/process/replace.h"
#include "preload/process/scan.h"
#include "preload/wire/keys.h"
#include "preload/wire/socket_options.h"
#include "readiness.h"
#include "serve.h"

static int adopt_inherited_socket(int fd, int inherited, const struct listener_key *key)
{
    bool wants_blocking;
    struct note *note;

    keep_in_set(fd, inherited);
    copy_socket_options(fd, inherited);
    wants_blocking = hand_over_status_flags(kernel_fcntl(fd, F_GETFL, 0), inherited);
    if (put_in_place(fd, inherited) == -1)
        return -1;
    note = take_note(fd, key);
    if (!note)
        return 0;
    note->adopted = note->unlistened = true;
    note->undecided = note->wants_blocking = wants_blocking;
    atomic_fetch_or(&attention, ATTENTION_UNLISTENED |
                                    (wants_blocking ? ATTENTION_ADOPTED | ATTENTION_FLAGS : 0u));
    return 0;
}

/* The inherited socket for this key, which the caller owns, or -1: then there is none. */
static int ask_for_inherited(const struct listener_key *key)
{
    struct message message = new_message(MESSAGE_BIND);
    int inherited;

    message.key = *key;
    ask_helper(open_control_patiently(), &message, &inherited);
    return inherited;
}

/*
 * A socket that is bound once clients are served is taken for a client itself: a
 * resolver binds a port for each question. But a worker that the master of an
 * old generation starts anew binds to serve, with what its master knows.
 */
static bool is_for_a_client(void)
{
    return has_been_ready() && !attends(ATTENTION_RETIRED);
}

/*
 * Only what can become a listener and has no address yet. A datagram socket of
 * the first generation may be that of a worker as above.
 */
static bool may_adopt(int fd, const struct sockaddr *address, socklen_t length)
{
    int type = socket_option(fd, SO_TYPE);

    return length > sizeof(sa_family_t) && is_inheritable(address->sa_family) && type != -1 &&
           (type == SOCK_DGRAM ? !is_for_a_client() : session.inherits) && own_state() &&
           !is_bound(fd);
}

static bool adopt_for_key(int fd, const struct listener_key *key)
{
    int inherited = ask_for_inherited(key);
    int result;

    if (inherited == -1)
        return false;
    result = adopt_inherited_socket(fd, inherited, key);
    kernel_close(inherited);
    return result == 0;
}

static bool adopt(int fd, const struct sockaddr *address, socklen_t length)
{
    struct listener_key key;

    return listener_key_of(fd, address, length, &key) == 0 &&
           !(key.type == SOCK_DGRAM && has_been_ready() && asks_for_any_port(&key)) &&
           adopt_for_key(fd, &key);
}

/* What is accepted has the name of its listener, and a peer. */
static enum want want_bound_to_file(int fd, bool listens, void *file)
{
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    struct listener_key key;

    (void)listens;
    if (socket_option(fd, SO_DOMAIN) != AF_UNIX || is_connected(fd) ||
        kernel_getsockname(fd, &address, &length) == -1)
        return NOT_WANTED;
    if (length > sizeof address)
        length = sizeof address;
    return listener_key_of(fd, (const struct sockaddr *)&address, length, &key) == 0 &&
           key.address_length == FILE_IDENTITY_LENGTH &&
           memcmp(key.address, ((const struct listener_key *)file)->address, sizeof key.address) ==
               0;
}

/* A number of the socket that this process has bound to the file, or -1. */
static int find_bound_to_file(const struct file_status *status)
{
    struct listener_key file;
    struct scan *scan;
    int fd = -1;

    set_file_identity(&file, status->device, status->inode);
    while (!(scan = lock_scan()))
        sched_yield();
    scan->wanted = want_bound_to_file;
    scan->argument = &file;
    scan_sockets(scan);
    if (scan->sockets > 0)
        fd = scan->socket[0].fd;
    unlock_scan(scan);
    return fd;
}

bool adopt_at_path(const struct file_status *fresh, const struct file_status *served)
{
    int fd = session.inherits && own_state() ? find_bound_to_file(fresh) : -1;
    const struct note *note;
    struct listener_key key;
    bool listens;
    int backlog;

    if (fd == -1 || listener_key_of(fd, NULL, 0, &key) == -1 ||
        (key.type == SOCK_DGRAM && is_for_a_client()))
        return false;
    set_file_identity(&key, served->device, served->inode);
    listens = is_listener(fd);
    note = find_note(socket_inode(fd));
    backlog = note ? note->backlog : SOMAXCONN;
    if (!adopt_for_key(fd, &key))
        return false;
    if (listens)
        listen_and_tell(fd, backlog);
    serve_datagrams(fd, true);
    return true;
}

/* For sockets of AF_INET, and with the wildcard: __inet_bind() in the kernel, not in ip(7). */
static bool means_inet(int fd, const struct sockaddr *address)
{
    struct sockaddr_in v4;

    memcpy(&v4, address, sizeof v4);
    return v4.sin_family == AF_UNSPEC && v4.sin_addr.s_addr == htonl(INADDR_ANY) &&
           socket_option(fd, SO_DOMAIN) == AF_INET;
}

int bind_or_adopt(int fd, const struct sockaddr *given, socklen_t length)
{
    int saved = errno;
    struct sockaddr_storage copy = {0};
    const struct sockaddr *address = (const struct sockaddr *)&copy;
    struct listener_key key;
    bool prepared;
    int result;

    if (length > sizeof copy || !read_program_memory(&copy, given, length))
        return real()->bind(fd, given, length);
    if (means_inet(fd, address))
        copy.ss_family = AF_INET;
    if (may_adopt(fd, address, length) && adopt(fd, address, length)) {
        serve_datagrams(fd, true);
        errno = saved;
        return 0;
    }
    prepared = !is_for_a_client() && prepare_successor(fd, address, length);
    errno = saved;
    result = real()->bind(fd, given, length);
    saved = errno;
    if (prepared)
        end_preparation(fd);
    errno = saved;
    if (result == -1)
        return result;
    /* the one thing that nobody can ask the kernel later: that the port was left to it */
    if (address->sa_family != AF_UNIX && listener_key_of(fd, address, length, &key) == 0 &&
        asks_for_any_port(&key))
        take_note(fd, &key);
    serve_datagrams(fd, false);
    errno = saved;
    return result;
}

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
#include <sys/un.h>

#include "blocking.h"
#include "control.h"
#include "descriptors.h"
#include "kernel.h"
#include "keys.h"
#include "latecomers.h"
#include "names.h"
#include "notes.h"
#include "process.h"
#include "program_memory.h"
#include "readiness.h"
#include "real.h"
#include "signals.h"
#include "socket_options.h"

/* Every number that stands for the fresh socket stands for the inherited one from now on. */
static int take_its_place(int fd, int inherited)
{
    struct survey *survey;
    int result;

    while (!(survey = lock_survey()))
        sched_yield();
    result = replace_socket(survey, fd, inherited);
    unlock_survey(survey);
    return result;
}

static int adopt_inherited_socket(int fd, int inherited, const struct listener_key *key)
{
    bool wants_blocking;
    struct note *note;

    copy_socket_options(fd, inherited);
    wants_blocking = hand_over_status_flags(kernel_fcntl(fd, F_GETFL, 0), inherited);
    if (take_its_place(fd, inherited) == -1)
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

static bool is_bound(int fd)
{
    union {
        struct sockaddr_in6 internet; /* the port stands at the same place in both families */
        struct sockaddr_un local;
    } bound = {.local = {0}};
    socklen_t length = sizeof bound;

    if (kernel_getsockname(fd, &bound, &length) == -1)
        return true;
    return bound.local.sun_family == AF_UNIX ? length > sizeof(sa_family_t)
                                             : bound.internet.sin6_port != 0;
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

static bool adopt(int fd, const struct sockaddr *address, socklen_t length)
{
    struct listener_key key;
    int inherited;
    int result;

    if (listener_key_of(fd, address, length, &key) == -1 ||
        (key.type == SOCK_DGRAM && has_been_ready() && asks_for_any_port(&key)))
        return false;
    inherited = ask_for_inherited(&key);
    if (inherited == -1)
        return false;
    result = adopt_inherited_socket(fd, inherited, &key);
    kernel_close(inherited);
    return result == 0;
}

static struct note *note_listener(int fd)
{
    struct note *note = find_note(socket_inode(fd));
    struct listener_key key;

    if (note)
        return note;
    return listener_key_of(fd, NULL, 0, &key) == 0 ? take_note(fd, &key) : NULL;
}

void note_before_device(int fd, int level, int name)
{
    int saved = errno;

    if (level == SOL_SOCKET && (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX) &&
        own_state() && is_bound(fd))
        note_listener(fd);
    errno = saved;
}

static void tell_of_socket(enum message_kind kind, ino_t inode)
{
    struct message message = new_message(kind);

    message.inode = inode;
    tell_helper(&message);
}

/* A datagram socket serves from bind() on; nobody calls listen(). */
static void serve_datagrams(int fd, bool adopted)
{
    int type = 0;
    socklen_t length = sizeof type;
    struct note *note;

    if (has_been_ready() || !own_state() ||
        kernel_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == -1 || type != SOCK_DGRAM)
        return;
    note = note_listener(fd);
    if (!note)
        return;
    note->datagram = true;
    protect_signals();
    expect_readiness();
    if (adopted)
        tell_of_socket(MESSAGE_LISTENING, note->inode);
    tell_of_socket(MESSAGE_BOUND, note->inode);
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
    errno = saved;
    result = real()->bind(fd, given, length);
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

static void find_unlistened(struct note *note, void *found)
{
    if (note->unlistened)
        *(bool *)found = true;
}

static void no_longer_unlistened(struct note *note)
{
    bool more = false;

    note->unlistened = false;
    for_each_note(find_unlistened, &more);
    if (!more)
        atomic_fetch_and(&attention, ~(unsigned)ATTENTION_UNLISTENED);
}

/* A worker that the master of an old generation starts anew must not get its successors' clients.
 */
static void stay_retired(int fd)
{
    int saved = errno;
    const struct note *note = find_note(socket_inode(fd));
    int deaf = -1;

    if (own_state() && !is_listener(fd) &&
        !(note && (note->adopted || asks_for_any_port(&note->key))))
        deaf = ask_for_deaf_socket(fd);
    if (deaf != -1) {
        keep_name(fd, deaf);
        take_its_place(fd, deaf);
        kernel_close(deaf);
    }
    errno = saved;
}

int listen_and_tell(int fd, int backlog)
{
    int result;
    int saved;
    struct note *note;

    stay_retired(fd);
    result = real()->listen(fd, backlog);
    saved = errno;
    if (result == -1 || !own_state())
        return result;
    protect_signals();
    expect_readiness();
    note = note_listener(fd);
    /* any port, while clients are served: for one of them, as FTP does for its data */
    if (note && !note->adopted && has_been_ready() && asks_for_any_port(&note->key))
        note->private = true;
    if (note && note->adopted) {
        no_longer_unlistened(note);
        tell_of_socket(MESSAGE_LISTENING, note->inode);
    }
    errno = saved;
    return result;
}

static int bind_to_key(int fd, const struct listener_key *key)
{
    return real()->bind(fd, (const struct sockaddr *)key->address,
                        key->family == AF_INET ? sizeof(struct sockaddr_in) : key->address_length);
}

static void set_reuseport(int fd, int value)
{
    kernel_setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

/*
 * The port is the listener's still. A client may be bound there beside it if
 * both allow that, and for TCP they do for the moment that it takes. (A
 * datagram socket would receive in the service's place until it is connected.)
 */
static void bind_beside(int adopted, int fresh, const struct listener_key *key)
{
    if (key->family == AF_UNIX || bind_to_key(fresh, key) == 0 || key->type != SOCK_STREAM ||
        socket_option(adopted, SO_REUSEPORT) != 0)
        return;
    set_reuseport(adopted, 1);
    set_reuseport(fresh, 1);
    bind_to_key(fresh, key);
    set_reuseport(adopted, 0);
    set_reuseport(fresh, 0);
}

/* Put a socket as the program made it, and bound it if it may be bound, in place of `fd`. */
static bool remake_socket(int fd, const struct listener_key *key, bool bound)
{
    int fresh = kernel_socket(key->family, key->type | SOCK_CLOEXEC, key->protocol);
    bool made;

    if (fresh == -1)
        return false;
    copy_socket_options(fd, fresh);
    if (key->device[0])
        kernel_setsockopt(fresh, SOL_SOCKET, SO_BINDTODEVICE, key->device, sizeof key->device);
    kernel_fcntl(fresh, F_SETFL, kernel_fcntl(fd, F_GETFL, 0) & (O_NONBLOCK | O_ASYNC));
    if (bound)
        bind_beside(fd, fresh, key);
    made = take_its_place(fd, fresh) == 0;
    kernel_close(fresh);
    return made;
}

static bool give_back(int fd, struct note *note)
{
    ino_t inode = note->inode;

    if (!remake_socket(fd, &note->key, true))
        return false;
    no_longer_unlistened(note);
    note->adopted = note->undecided = note->wants_blocking = false;
    tell_of_socket(MESSAGE_GIVE_BACK, inode);
    return true;
}

int connect_client(int fd, const struct sockaddr *address, socklen_t length)
{
    int saved = errno;
    struct note *note = own_state() ? find_note(socket_inode(fd)) : NULL;
    bool given_back = note && note->unlistened && give_back(fd, note);
    int result;

    errno = saved;
    result = real()->connect(fd, address, length);
    /* the old generation's client is connected from this port to there: then from another one */
    if (result == -1 && errno == EADDRNOTAVAIL && given_back &&
        remake_socket(fd, &note->key, false)) {
        errno = saved;
        result = real()->connect(fd, address, length);
    }
    return result;
}

/*
 * bind() cannot tell a listener from a client that wants a certain port (ftp-data):
 * both may adopt what the old generation listens on there. connect() tells. The
 * client then gets a socket of its own, and the helper has the inherited one again
 * for whoever asks next.
 */
#include "give_back.h"

#include <errno.h>
#include <netinet/in.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"
#include "preload/process/replace.h"
#include "preload/wire/socket_options.h"
#include "serve.h"

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
    made = put_in_place(fd, fresh) == 0;
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

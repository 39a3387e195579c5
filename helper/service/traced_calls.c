/*
 * One function a system call. What is done for a program is what the library would have done in
 * it: see preload/upgrade/adopt.c and preload/upgrade/serve.c.
 */
#include "traced_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/lifecycle/adopt.h"
#include "helper/lifecycle/collect.h"
#include "helper/lifecycle/ready.h"
#include "helper/lifecycle/retire.h"
#include "helper/lifecycle/unlink.h"
#include "helper/listeners/replacements.h"
#include "helper/listeners/vouch.h"
#include "helper/trace/borrow.h"
#include "helper/trace/by_call.h"
#include "helper/trace/paths.h"
#include "helper/trace/trace.h"
#include "preload/kernel/sockets.h"
#include "preload/wire/keys.h"
#include "preload/wire/socket_options.h"

/* A socket that clients may come to. */
static bool is_of_concern(int fd)
{
    return is_service_kind(socket_option(fd, SO_DOMAIN), socket_option(fd, SO_TYPE),
                           socket_option(fd, SO_PROTOCOL));
}

/* __inet_bind() in the kernel: on a socket of AF_INET, AF_UNSPEC with the wildcard means that. */
static void mend_family(int fd, struct sockaddr_storage *address)
{
    struct sockaddr_in v4;

    memcpy(&v4, address, sizeof v4);
    if (v4.sin_family == AF_UNSPEC && v4.sin_addr.s_addr == htonl(INADDR_ANY) &&
        socket_option(fd, SO_DOMAIN) == AF_INET)
        address->ss_family = AF_INET;
}

/* unix(7): what begins with NUL is no path, and what is empty asks for a name. */
static bool is_path(const struct sockaddr_storage *address, socklen_t length)
{
    return address->ss_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path) &&
           ((const struct sockaddr_un *)address)->sun_path[0] != '\0';
}

/* A socket that is there already: nobody else can be bound to it, so it is inherited or stale. */
static bool read_key_of_path(const struct call *call, int fd,
                             const struct sockaddr_storage *address, struct listener_key *key)
{
    struct sockaddr_un local;
    char path[sizeof local.sun_path + 1] = "";
    struct stat status;

    memcpy(&local, address, sizeof local);
    memcpy(path, local.sun_path, sizeof local.sun_path);
    if (!is_socket_of_process(call->process, AT_FDCWD, path, &status) ||
        listener_key_of(fd, NULL, 0, key) == -1)
        return false;
    set_file_identity(key, status.st_dev, status.st_ino);
    return true;
}

/* The key that it binds to, as the program has it in its memory. */
static bool read_key(const struct call *call, int fd, struct listener_key *key)
{
    struct sockaddr_storage address = {0};
    uint64_t length = call->argument[2] & 0xffffffffu;

    if (length < sizeof(sa_family_t) || length > sizeof address ||
        !read_memory(call->process, call->argument[1], &address, length) || !is_pending(call))
        return false;
    mend_family(fd, &address);
    if (is_path(&address, (socklen_t)length))
        return read_key_of_path(call, fd, &address, key);
    return listener_key_of(fd, (struct sockaddr *)&address, (socklen_t)length, key) == 0;
}

static bool is_polled_by_old(uint64_t inode)
{
    const struct bound *bound =
        current && current->trace ? find_bound(current->trace, inode) : NULL;

    return bound && bound->polled;
}

/* What the program has set so far, on the socket that it was about to bind, holds. */
static bool put_in_place(const struct call *call, int fd, int inherited)
{
    int number = (int)call->argument[0];

    copy_socket_options(fd, inherited);
    fcntl(inherited, F_SETFL, fcntl(fd, F_GETFL));
    return put_descriptor(call, inherited, number, is_closed_on_exec(call->process, number));
}

/*
 * Whoever receives on it waits for clients. Later, a datagram socket is bound for a client: a
 * resolver has a port for each question.
 */
static void serves_datagrams(struct generation *generation, uint64_t inode,
                             const struct listener_key *key)
{
    if (key->type != SOCK_DGRAM || asks_for_any_port(key) || !may_adopt(generation->state))
        return;
    find_bound(generation->trace, inode)->listens = true;
    listener_listens(generation, inode);
    socket_bound(generation, inode);
}

/* The inode of the inherited socket that is in the place of this one now; 0: none is. */
static uint64_t adopt_instead(struct generation *generation, const struct call *call, int fd,
                              const struct listener_key *key)
{
    struct proc_status status;
    struct ucred asker = {.pid = call->process};
    int inherited;
    uint64_t inode;

    if (read_status(call->process, &status) != IS_THERE)
        return false;
    asker.uid = status.effective;
    inherited = adopt_listener(generation, key, &asker);
    if (inherited == -1)
        return 0;
    inode = socket_inode(inherited);
    if (!put_in_place(call, fd, inherited)) {
        listener_given_back(generation, inode);
        return 0;
    }
    note_bound(generation->trace, inode, key)->polled = is_polled_by_old(inode);
    serves_datagrams(generation, inode, key);
    return inode;
}

/* A path that is not there yet has no identity; that of what listens is asked for later. */
static void note_new_path(struct generation *generation, int fd)
{
    struct listener_key key;

    if (socket_option(fd, SO_DOMAIN) != AF_UNIX || listener_key_of(fd, NULL, 0, &key) == -1)
        return;
    note_bound(generation->trace, socket_inode(fd), &key);
    serves_datagrams(generation, socket_inode(fd), &key);
}

static bool bind_called(struct generation *generation, const struct call *call, int fd)
{
    struct listener_key key;

    if (is_bound(fd))
        return false;
    if (!read_key(call, fd, &key)) {
        note_new_path(generation, fd);
        return false;
    }
    /* a probe binds to any port (Go tries IPv6 so); who means it listens, too */
    if (!asks_for_any_port(&key) && adopt_instead(generation, call, fd, &key)) {
        answer_call(call, 0);
        return true;
    }
    let_join_sets(&key);
    note_bound(generation->trace, socket_inode(fd), &key);
    serves_datagrams(generation, socket_inode(fd), &key);
    return false;
}

/* One that has retired must not begin to take clients where its successor does. */
static bool stays_deaf(const struct generation *generation, const struct call *call, int fd,
                       const struct listener_key *key)
{
    int number = (int)call->argument[0];
    int deaf;
    bool done;

    if (!has_retired(generation->state) || !has_handed_over(generation, key))
        return false;
    deaf = open_deaf_listener(fcntl(fd, F_GETFL) & O_NONBLOCK ? SOCK_NONBLOCK : 0);
    if (deaf == -1)
        return false;
    done = put_descriptor(call, deaf, number, is_closed_on_exec(call->process, number));
    close(deaf);
    if (done)
        answer_call(call, 0);
    return done;
}

/* The listener that was bound to any port, if this one was: its number leads to that from now on.
 */
static uint64_t adopt_any_port(struct generation *generation, const struct call *call, int fd)
{
    const struct bound *bound = find_bound(generation->trace, socket_inode(fd));
    struct listener_key key;
    uint64_t inode;

    if (!bound || !asks_for_any_port(&bound->key) || !may_adopt(generation->state) ||
        find_inherited(&generation->inheritance, bound->inode))
        return socket_inode(fd);
    key = bound->key;
    inode = adopt_instead(generation, call, fd, &key);
    return inode ? inode : socket_inode(fd);
}

static bool listen_called(struct generation *generation, const struct call *call, int fd)
{
    uint64_t inode = adopt_any_port(generation, call, fd);
    struct bound *bound = find_bound(generation->trace, inode);
    struct listener_key key;

    if (!bound && listener_key_of(fd, NULL, 0, &key) == 0)
        bound = note_bound(generation->trace, inode, &key);
    if (!bound || stays_deaf(generation, call, fd, &bound->key))
        return bound != NULL;
    bound->listens = true;
    listener_listens(generation, inode);
    happen(generation, BOUND);
    return false;
}

/* The path of a generation that serves stays; the program believes that it is gone. */
static bool unlink_called(struct generation *generation, const struct call *call)
{
    bool at = call->number == SYS_unlinkat;
    char path[PATH_MAX];
    struct listener_key key = {.family = AF_UNIX};
    struct stat status;

    if ((at && call->argument[2] & AT_REMOVEDIR) ||
        !read_path(call->process, call->argument[at], path, sizeof path) || !is_pending(call) ||
        !is_socket_of_process(call->process, at ? (int)call->argument[0] : AT_FDCWD, path, &status))
        return false;
    set_file_identity(&key, status.st_dev, status.st_ino);
    if (may_unlink(generation, &key, call->process))
        return false;
    answer_call(call, 0);
    return true;
}

static bool answered(struct generation *generation, const struct call *call, int fd)
{
    if (!is_of_concern(fd))
        return false;
    if (call->number == SYS_bind)
        return bind_called(generation, call, fd);
    return call->number == SYS_listen && listen_called(generation, call, fd);
}

/* Once: it will be the same for each of its sockets. */
static void say_denied(struct generation *generation, const struct call *call, int error)
{
    if (generation->trace->denied || (error != EPERM && error != EACCES && error != ENOSYS))
        return;
    generation->trace->denied = true;
    log_line(LEVEL_ERROR,
             "generation %u: process %d does not let its descriptors be taken: %s; what it binds "
             "cannot be inherited",
             generation->number, call->process, strerror(error));
}

/*
 * Its socket, or -1 with errno set: EAGAIN, if it has been answered, and will be made anew. Where
 * it cannot be taken, another thread of the process hands it out, or the one that calls has to.
 */
static int borrow_socket(const struct call *call)
{
    int number = (int)call->argument[0];
    int fd = borrow_needed(call->process, number);

    if (fd == -1 && (is_borrowing_denied(errno) || errno == ESRCH))
        fd = take_descriptor_by_caller(call, number);
    return fd;
}

static bool socket_called(struct generation *generation, const struct call *call)
{
    int fd = borrow_socket(call);
    bool done;

    if (fd == -1 && errno == EAGAIN)
        return true;
    if (fd == -1) {
        say_denied(generation, call, errno);
        return false;
    }
    /* of a thread that has ended the pid may be another's by now, and so the descriptor */
    done = is_pending(call) && answered(generation, call, fd);
    close(fd);
    return done;
}

static bool is_about_socket(const struct call *call)
{
    return call->number == SYS_bind || call->number == SYS_listen;
}

/* Whatever we do not understand, or may not look at, the kernel does as it would have. */
static void called(struct generation *generation, const struct call *call)
{
    bool done = false;

    log_line(LEVEL_DEBUG, "generation %u: process %d calls for %s", generation->number,
             call->process,
             call->number == SYS_bind     ? "bind"
             : call->number == SYS_listen ? "listen"
                                          : "unlink");
    if (call->process)
        done = is_about_socket(call) ? socket_called(generation, call)
                                     : unlink_called(generation, call);
    if (!done)
        let_pass(call);
}

void answer_traced_calls(void)
{
    answer_traced_call = called;
    borrow_otherwise = take_descriptor_by_call;
}

/*
 * A program that stops shuts its listener down, a new version that fails among
 * them. That is the end of the socket for everybody who has it: accept() says
 * EINVAL, and nothing can bring a unix or a datagram socket back. So who shares
 * it with another generation gets a socket in that state in its place.
 */
#include "shut_listener.h"

#include <errno.h>
#include <sched.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/proc_self.h"
#include "preload/process/process.h"
#include "preload/process/replace.h"
#include "preload/process/scan.h"
#include "preload/upgrade/blocking.h"
#include "preload/upgrade/wake.h"

/* A signal handler of the program's may have interrupted the thread that holds the scan. */
enum { MOST_ATTEMPTS = 10000 };

/* shutdown(2) of a listener with SHUT_WR alone changes nothing. */
static bool ends_service(int fd, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return false;
    if (is_listener(fd))
        return how != SHUT_WR;
    return socket_option(fd, SO_TYPE) == SOCK_DGRAM && serves_clients(fd);
}

static bool is_shared(int fd)
{
    struct message message = new_message(MESSAGE_SHUTDOWN);

    message.inode = socket_inode(fd);
    return ask_helper(open_control(), &message, NULL) == ANSWER_SHARED_SOCKET;
}

/* A socket of the same kind that was never bound: shut down, it is like one that was. */
static int open_similar(int fd)
{
    int similar =
        kernel_socket(socket_option(fd, SO_DOMAIN), socket_option(fd, SO_TYPE) | SOCK_CLOEXEC,
                      socket_option(fd, SO_PROTOCOL));
    int flags = kernel_fcntl(fd, F_GETFL, 0);

    kernel_fcntl(similar, F_SETFL, program_believes_blocking(fd) ? flags & ~O_NONBLOCK : flags);
    return similar;
}

static void put_in_its_place(int fd, int similar)
{
    struct scan *scan = lock_scan();
    int proc;

    for (int i = 0; !scan && i < MOST_ATTEMPTS; i++) {
        sched_yield();
        scan = lock_scan();
    }
    if (!scan)
        return;
    replace_socket(scan, fd, similar);
    proc = open_proc_self();
    wake_accepting_threads(scan, proc);
    kernel_close(proc);
    unlock_scan(scan);
}

int shut_own_listener(int fd, int how)
{
    int saved = errno;
    bool shared = ends_service(fd, how) && own_state() && is_shared(fd);
    bool listens = shared && is_listener(fd);
    int similar;
    int result;

    if (!shared) {
        errno = saved;
        return real()->shutdown(fd, how);
    }
    similar = open_similar(fd);
    result = real()->shutdown(similar, how);
    put_in_its_place(fd, similar);
    kernel_close(similar);
    /* as shutdown(2) has it: a datagram socket that is not connected is shut down, and says so */
    errno = listens ? saved : ENOTCONN;
    return listens ? 0 : result;
}

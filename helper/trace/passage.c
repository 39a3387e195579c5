/*
 * pidfd_getfd(2) takes a descriptor out of a process, and nothing puts one into it, but the process
 * itself: it receives what we send over a connection that its thread is made to open. The name that
 * it connects to is one of the kernel's choice, and of those who connect the kernel says who they
 * are.
 */
#include "passage.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "injection.h"
#include "preload/wire/packet.h"

/* A message with room for one descriptor, as it stands in the page. */
struct letter {
    struct msghdr header;
    struct iovec part;
    char byte[8];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
};

/* The same as the process sees it: pointers are addresses of the page. */
static struct letter letter_at(uint64_t page)
{
    struct letter letter;

    memset(&letter, 0, sizeof letter);
    letter.header.msg_iov = (void *)(uintptr_t)(page + offsetof(struct letter, part));
    letter.header.msg_iovlen = 1;
    letter.header.msg_control = (void *)(uintptr_t)(page + offsetof(struct letter, control));
    letter.header.msg_controllen = sizeof letter.control.bytes;
    letter.part.iov_base = (void *)(uintptr_t)(page + offsetof(struct letter, byte));
    letter.part.iov_len = 1;
    return letter;
}

/* unix(7): bound to a family alone, a socket gets a name that nobody has. */
static int open_door(struct sockaddr_un *address, socklen_t *length)
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    int door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memset(address, 0, sizeof *address);
    *length = sizeof *address;
    if (door == -1)
        return -1;
    if (bind(door, (const struct sockaddr *)&any, sizeof any.sun_family) == 0 &&
        listen(door, 8) == 0 && getsockname(door, (struct sockaddr *)address, length) == 0)
        return door;
    close(door);
    return -1;
}

/* Others may have knocked. Whoever is the one, has connected before we look. */
static int let_in(int door, pid_t process)
{
    int fd;

    while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) != -1) {
        struct ucred peer;
        socklen_t length = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == process)
            return fd;
        close(fd);
    }
    return -1;
}

static void close_there(struct passage *passage, int number)
{
    const long arguments[6] = {number};

    call_there(&passage->workspace, SYS_close, arguments);
}

/* Returns 0, or an errno. */
static int connect_to(struct passage *passage, int door, const struct sockaddr_un *address,
                      socklen_t length)
{
    struct workspace *workspace = &passage->workspace;
    const long kind[6] = {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0};
    int error = write_there(workspace, address, length);
    long result;

    if (error)
        return error;
    result = call_there(workspace, SYS_socket, kind);
    if (result < 0)
        return (int)-result;
    passage->there = (int)result;
    result = call_there(workspace, SYS_connect,
                        (const long[6]){passage->there, (long)workspace->page, (long)length});
    passage->here = result < 0 ? -1 : let_in(door, workspace->stopped->process);
    if (passage->here != -1)
        return 0;
    close_there(passage, passage->there);
    return result < 0 ? (int)-result : ECONNREFUSED;
}

int open_passage(struct passage *passage, struct trace *trace, struct stopped *stopped)
{
    struct sockaddr_un address;
    socklen_t length;
    int door = open_door(&address, &length);
    int error;

    *passage = (struct passage){.here = -1, .there = -1, .sent = -1, .copy = -1};
    if (door == -1)
        return errno;
    error = open_workspace(&passage->workspace, trace, stopped);
    if (!error) {
        error = connect_to(passage, door, &address, length);
        if (error)
            close_workspace(&passage->workspace);
    }
    close(door);
    return error;
}

static void forget_copy(struct passage *passage)
{
    if (passage->copy != -1)
        close_there(passage, passage->copy);
    passage->sent = passage->copy = -1;
}

void close_passage(struct passage *passage)
{
    forget_copy(passage);
    close_there(passage, passage->there);
    close_workspace(&passage->workspace);
    close(passage->here);
}

/* What has come with the letter that the process has received, or -1. */
static int number_in(const struct letter *letter)
{
    int number = -1;

    if (letter->header.msg_controllen >= CMSG_LEN(sizeof number) &&
        letter->control.header.cmsg_level == SOL_SOCKET &&
        letter->control.header.cmsg_type == SCM_RIGHTS)
        memcpy(&number, CMSG_DATA(&letter->control.header), sizeof number);
    return number;
}

/* Returns 0, or an errno; the number that it has there is noted. */
static int send_copy(struct passage *passage, int fd)
{
    struct workspace *workspace = &passage->workspace;
    struct letter letter = letter_at(workspace->page);
    struct outgoing packet = {.data = "d", .size = 1, .descriptors = &fd, .count = 1};
    int error;
    long result;

    forget_copy(passage);
    if (send_packet(passage->here, &packet, MSG_DONTWAIT) == -1)
        return errno;
    error = write_there(workspace, &letter, sizeof letter);
    if (error)
        return error;
    result = call_there(
        workspace, SYS_recvmsg,
        (const long[6]){passage->there, (long)workspace->page, MSG_CMSG_CLOEXEC | MSG_DONTWAIT});
    if (result < 0)
        return (int)-result;
    error = read_there(workspace, &letter, sizeof letter);
    if (error)
        return error;
    passage->copy = number_in(&letter);
    passage->sent = fd;
    return passage->copy == -1 ? EMFILE : 0;
}

int lend_through(struct passage *passage, int fd)
{
    errno = send_copy(passage, fd);
    return errno == 0 ? passage->copy : -1;
}

int put_through(struct passage *passage, int fd, int number, bool close_on_exec)
{
    int error = passage->copy != -1 && passage->sent == fd ? 0 : send_copy(passage, fd);
    long result;

    if (error)
        return error;
    result = call_there(&passage->workspace, SYS_dup3,
                        (const long[6]){passage->copy, number, close_on_exec ? O_CLOEXEC : 0});
    return result < 0 ? (int)-result : 0;
}

int take_through(struct passage *passage, int number)
{
    struct workspace *workspace = &passage->workspace;
    struct letter letter = letter_at(workspace->page);
    struct incoming packet = {.data = &(char){0}, .room = 1, .descriptors = &(int){-1}, .most = 1};
    long result;

    letter.control.header.cmsg_level = SOL_SOCKET;
    letter.control.header.cmsg_type = SCM_RIGHTS;
    letter.control.header.cmsg_len = CMSG_LEN(sizeof number);
    memcpy(CMSG_DATA(&letter.control.header), &number, sizeof number);
    errno = write_there(workspace, &letter, sizeof letter);
    if (errno != 0)
        return -1;
    result = call_there(workspace, SYS_sendmsg,
                        (const long[6]){passage->there, (long)workspace->page, MSG_DONTWAIT});
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    if (receive_packet(passage->here, &packet, MSG_DONTWAIT) == 1 && packet.count == 1)
        return packet.descriptors[0];
    errno = EBADF;
    return -1;
}

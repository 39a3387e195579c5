/*
 * The library's end of the control socket. Everything here may run in a signal
 * handler of a program that we know nothing about, so it uses raw system calls
 * and no descriptor survives the exchange.
 */
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>

#include "preload/kernel/kernel.h"
#include "preload/wire/messages.h"
#include "process.h"

/* A helper that is stopped must not hang the server: connect, send and receive give up. */
enum { PATIENCE = 1, GREAT_PATIENCE = 10 };

/* What a uid is in a user namespace that has no number for it: user_namespaces(7). */
enum { UNMAPPED_USER = 65534 };

/*
 * The name is free as soon as the helper is gone, and every user may read and take
 * it. In another namespace its pid is 0 (pid_namespaces(7)), and its uid that of
 * root or of nobody.
 */
static bool is_helper(int control)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    return kernel_getsockopt(control, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.pid == session.opener || peer.pid == 0) &&
           (peer.uid == session.opener_uid || peer.uid == 0 || peer.uid == UNMAPPED_USER);
}

static int connect_to_helper(int seconds)
{
    const struct timeval patience = {seconds, 0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t prefix = sizeof SOCKET_PREFIX - 1;
    int control = kernel_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int result;

    if (control == -1)
        return -1;
    memcpy(address.sun_path + 1, SOCKET_PREFIX, prefix);
    memcpy(address.sun_path + 1 + prefix, session.name, SESSION_NAME_LENGTH);
    kernel_setsockopt(control, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    kernel_setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    do
        result = kernel_connect(
            control, &address,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + prefix + SESSION_NAME_LENGTH));
    while (result == -1 && errno == EINTR);
    if (result == 0 && is_helper(control))
        return control;
    result = result == 0 ? ECONNREFUSED : errno;
    kernel_close(control);
    errno = result;
    return -1;
}

int open_control(void)
{
    return connect_to_helper(PATIENCE);
}

int open_control_patiently(void)
{
    return connect_to_helper(GREAT_PATIENCE);
}

struct message new_message(enum message_kind kind)
{
    struct message message = message_of_kind(kind, session.generation);

    message.version = session.version;
    memcpy(message.secret, session.secret, sizeof message.secret);
    return message;
}

int send_message(int control, const struct message *message, int pass)
{
    const struct outgoing packet = {
        .data = message, .size = sizeof *message, .descriptors = &pass, .count = pass != -1};

    return send_packet(control, &packet, 0);
}

// NOLINTNEXTLINE(readability-non-const-parameter): they are written through the packet
int receive_answer(int control, struct message *answer, int *descriptors, int most)
{
    struct incoming packet = {
        .data = answer, .room = sizeof *answer, .descriptors = descriptors, .most = (size_t)most};
    ssize_t size = receive_message(control, &packet, FROM_HELPER, NULL, 0);

    if (size > 0)
        return (int)packet.count;
    if (size == 0) /* the helper has closed: it has refused us, or what we said */
        errno = EPROTO;
    return -1;
}

int ask_helper(int control, struct message *message, int *descriptor)
{
    int received = -1;

    if (descriptor)
        *descriptor = -1;
    if (control == -1)
        return 0;
    if (send_message(control, message, -1) == 0)
        received = receive_answer(control, message, descriptor, descriptor ? 1 : 0);
    if (descriptor && received < 1)
        *descriptor = -1;
    kernel_close(control);
    return received == -1 ? 0 : message->kind;
}

int tell_helper(const struct message *message)
{
    int control = open_control();
    int result;

    if (control == -1)
        return -1;
    result = send_message(control, message, -1);
    kernel_close(control);
    return result;
}

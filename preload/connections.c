/*
 * Only the process itself can say, without any privilege and without a search
 * through all sockets of the machine, which of its descriptors are connections.
 * It says so of every socket, so that the helper need not ask about one twice.
 */
#include "connections.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "control.h"
#include "descriptors.h"
#include "kernel.h"
#include "procfs.h"

union internet_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct reporter {
    int control;
    int error;
    struct message message;
};

static uint16_t take_address(const union internet_address *address, uint32_t words[4])
{
    if (address->any.sa_family == AF_INET) {
        words[0] = address->v4.sin_addr.s_addr;
        return address->v4.sin_port;
    }
    memcpy(words, &address->v6.sin6_addr, sizeof address->v6.sin6_addr);
    return address->v6.sin6_port;
}

/*
 * getpeername(2) fails for a listener, for a socket that was never connected,
 * and for a connection that is dead: the peer has reset it, or both sides have
 * ended it, and the program has not closed it yet.
 */
static void describe_connection(int fd, struct socket_report *report)
{
    union internet_address local = {.any.sa_family = AF_UNSPEC};
    union internet_address peer = {.any.sa_family = AF_UNSPEC};
    socklen_t local_length = sizeof local;
    socklen_t peer_length = sizeof peer;
    int device;

    if (kernel_getsockname(fd, &local, &local_length) == -1 ||
        (local.any.sa_family != AF_INET && local.any.sa_family != AF_INET6) ||
        kernel_getpeername(fd, &peer, &peer_length) == -1 ||
        peer.any.sa_family != local.any.sa_family)
        return;
    report->family = local.any.sa_family;
    report->protocol = (uint16_t)socket_option(fd, SO_PROTOCOL);
    report->local_port = take_address(&local, report->local);
    report->peer_port = take_address(&peer, report->peer);
    device = socket_option(fd, SO_BINDTOIFINDEX); /* Linux 5.0 */
    report->device = device > 0 ? (uint32_t)device : 0;
}

static int send_reports(struct reporter *reporter)
{
    if (reporter->message.sockets.count > 0 &&
        send_message(reporter->control, &reporter->message, -1) == -1)
        reporter->error = errno;
    reporter->message.sockets.count = 0;
    return reporter->error;
}

/* The control socket is reported, too: the helper may look at us before we have closed it. */
static bool report_descriptor(int fd, void *argument)
{
    struct reporter *reporter = argument;
    struct message *message = &reporter->message;
    struct socket_report report = {.family = 0};
    int type = socket_option(fd, SO_TYPE);

    if (type == -1)
        return true;
    report.inode = socket_inode(fd);
    if (type == SOCK_STREAM || type == SOCK_DGRAM)
        describe_connection(fd, &report);
    if (socket_inode(fd) != report.inode) /* another thread has closed it, and opened another */
        return true;
    message->sockets.item[message->sockets.count++] = report;
    return message->sockets.count < REPORTS_PER_MESSAGE || send_reports(reporter) == 0;
}

int report_sockets(int control)
{
    struct reporter reporter = {.control = control, .message = new_message(MESSAGE_SOCKETS)};
    int proc = open_proc_with_descriptors();

    if (proc == -1 || for_each_number(proc, "fd", report_descriptor, &reporter) == -1)
        reporter.error = errno;
    else if (reporter.error == 0)
        send_reports(&reporter);
    if (proc != -1)
        kernel_close(proc);
    return reporter.error;
}

void count_connections(void)
{
    struct message end = new_message(MESSAGE_COUNTED);
    int control = open_control();

    if (control == -1)
        return;
    end.error = report_sockets(control);
    send_message(control, &end, -1);
    kernel_close(control);
}

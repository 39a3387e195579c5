/*
 * Only the process itself can say, without any privilege and without a search
 * through all sockets of the machine, which of its descriptors are connections.
 * It says so of every socket, so that the helper need not ask about one twice; but
 * not of one that it cannot look at, about which the helper then asks.
 */
#include "report.h"

#include <errno.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/process/descriptors.h"
#include "preload/process/proc_self.h"
#include "preload/process/process.h"
#include "preload/wire/packet.h"
#include "preload/wire/socket_report.h"

/*
 * A program with many connections is not stopped until all of them are described: 2 us
 * each. An order gets a part of them, and the helper asks for the rest.
 */
enum { REPORTS_PER_ORDER = 5 * REPORTS_PER_MESSAGE };

struct reporter {
    int control;
    int error;
    unsigned left; /* so many are still to be reported */
    int next;      /* the first descriptor for which none was left; 0: there was enough */
    struct sockets_message *sockets; /* larger than the stack that a handler may have */
};

static int send_reports(struct reporter *reporter)
{
    struct sockets_message *sockets = reporter->sockets;
    const size_t reports = sockets->message.count * sizeof sockets->report[0];
    const struct outgoing packet = {.data = sockets, .size = sizeof sockets->message + reports};

    if (reports > 0 && send_packet(reporter->control, &packet, 0) == -1)
        reporter->error = errno;
    sockets->message.count = 0;
    return reporter->error;
}

/* The control socket is reported, too: the helper may look at us before we have closed it. */
static bool report_descriptor(int fd, void *argument)
{
    struct reporter *reporter = argument;
    struct sockets_message *sockets = reporter->sockets;
    struct socket_report report = {.family = 0};
    int type;

    if (reporter->left == 0) {
        reporter->next = fd;
        return false;
    }
    type = socket_option(fd, SO_TYPE);
    if (type == -1)
        return true;
    report.inode = socket_inode(fd);
    if ((type == SOCK_STREAM || type == SOCK_DGRAM) && !describe_connection(fd, &report))
        return true;
    if (socket_inode(fd) != report.inode) /* another thread has closed it, and opened another */
        return true;
    reporter->left--;
    sockets->report[sockets->message.count++] = report;
    return sockets->message.count < REPORTS_PER_MESSAGE || send_reports(reporter) == 0;
}

/* Report as many as are left to report, from this descriptor on. */
static void report_from(struct reporter *reporter, int from)
{
    int proc;

    reporter->sockets = kernel_map(sizeof *reporter->sockets);
    if (!reporter->sockets) {
        reporter->error = errno;
        return;
    }
    reporter->sockets->message = new_message(MESSAGE_SOCKETS);
    proc = open_proc_with_descriptors();
    if (proc == -1 || for_each_descriptor(proc, from, report_descriptor, reporter) == -1)
        reporter->error = errno;
    else if (reporter->error == 0)
        send_reports(reporter);
    kernel_close(proc);
    kernel_unmap(reporter->sockets, sizeof *reporter->sockets);
}

void report_first_sockets(int control)
{
    struct reporter reporter = {.control = control, .left = REPORTS_PER_MESSAGE};

    report_from(&reporter, 0);
}

/* Where the last part of a report ended is a state of this very process. */
void report_sockets(bool go_on)
{
    struct own_state *own = own_state();
    struct message end = new_message(MESSAGE_COUNTED);
    struct reporter reporter = {.control = open_control(), .left = REPORTS_PER_ORDER};

    if (reporter.control == -1)
        return;
    report_from(&reporter, go_on ? own->next_to_report : 0);
    own->next_to_report = reporter.next;
    end.error = reporter.error ? reporter.error : reporter.next ? EAGAIN : 0;
    send_message(reporter.control, &end, -1);
    kernel_close(reporter.control);
}

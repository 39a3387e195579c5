#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "usage.h"

/* A helper answers at once; one that is stopped never. */
static const int64_t patience = 10 * SECOND;

/* Returns -1 with errno set: ECONNREFUSED when nobody listens. */
static int connect_to(const struct service *service)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, SOCKET_PREFIX "%s",
                          service->name);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return -1;
    if (connect(fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
        return fd;
    length = errno;
    close(fd);
    errno = length;
    return -1;
}

bool send_demand(int fd, enum demand demand)
{
    struct message message;

    memset(&message, 0, sizeof message);
    message.magic = PROTOCOL_MAGIC;
    message.version = PROTOCOL_VERSION;
    message.kind = (uint16_t)demand;
    return send(fd, &message, sizeof message, MSG_NOSIGNAL) == (ssize_t)sizeof message;
}

static int wait_until_readable(int fd, int64_t end)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    int64_t left = end == 0 ? -1 : (end - now() + MILLISECOND - 1) / MILLISECOND;

    if (end != 0 && left < 0)
        left = 0;
    return poll(&in, 1, left > INT32_MAX ? INT32_MAX : (int)left);
}

enum heard hear(int fd, struct report *report, int64_t end, int *descriptor)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } rights;
    struct iovec part = {report, sizeof *report};
    struct msghdr packet = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    const struct cmsghdr *header;
    int received = -1;
    int ready;

    while ((ready = wait_until_readable(fd, end)) == -1 && errno == EINTR)
        ;
    if (ready == 0)
        return SILENCE;
    if (recvmsg(fd, &packet, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof *report ||
        report->magic != REPORT_MAGIC || report->version != REPORT_VERSION)
        return ENDED;
    header = CMSG_FIRSTHDR(&packet);
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&received, CMSG_DATA(header), sizeof received);
    if (descriptor)
        *descriptor = received;
    else if (received != -1)
        close(received);
    return HEARD;
}

static struct report *read_records(int file, size_t *count)
{
    struct stat status;
    struct report *records;
    size_t size;

    if (fstat(file, &status) == -1)
        return NULL;
    *count = (size_t)status.st_size / sizeof *records;
    if (*count == 0)
        return NULL;
    size = *count * sizeof *records;
    records = allocate(*count, sizeof *records);
    if (pread(file, records, size, 0) == (ssize_t)size)
        return records;
    free(records);
    return NULL;
}

struct report *ask_status(int fd, enum demand demand, size_t *count)
{
    int64_t end = now() + patience;
    struct report *records;
    struct report report = {0};
    int file = -1;

    if (!send_demand(fd, demand))
        return NULL;
    do
        if (hear(fd, &report, end, &file) != HEARD)
            return NULL;
    while (report.kind != REPORT_STATUS);
    if (file == -1)
        return NULL;
    records = read_records(file, count);
    close(file);
    return records;
}

static _Noreturn void end_refused(const struct service *service)
{
    end_with_error(EXIT_NO_SERVICE,
                   "the helper of process %d does not answer: only root and the user of the "
                   "service may control it, with the tfhelper of the same version",
                   service->pid);
}

void end_unreachable(const struct service *service)
{
    end_with_error(EXIT_NO_SERVICE,
                   "the service of process %d is not in this network namespace, or has just ended",
                   service->pid);
}

static void pause_for_a_moment(void)
{
    static const struct timespec moment = {0, 50 * MILLISECOND};

    nanosleep(&moment, NULL);
}

int open_connection(const struct service *service, pid_t *helper)
{
    int64_t end = now() + SECOND;

    /* where too many others ask at once, a helper drops us as if it refused us */
    do {
        int fd = connect_to(service);
        size_t count;
        struct report *records;

        if (fd == -1 && errno == ECONNREFUSED)
            return -1;
        records = fd == -1 ? NULL : ask_status(fd, DEMAND_SUMMARY, &count);
        if (records) {
            *helper = records[0].pid;
            free(records);
            return fd;
        }
        if (fd != -1)
            close(fd);
        pause_for_a_moment();
    } while (now() < end);
    end_refused(service);
}

int require_connection(const struct service *service, pid_t *helper)
{
    int fd = open_connection(service, helper);

    if (fd == -1)
        end_unreachable(service);
    return fd;
}

bool wait_for_exit(pid_t pid)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd exit = {.fd = process, .events = POLLIN};
    int ready;

    if (process == -1)
        return errno == ESRCH;
    while ((ready = poll(&exit, 1, (int)(patience / MILLISECOND))) == -1 && errno == EINTR)
        ;
    close(process);
    return ready == 1;
}

int connect_again(const struct service *service, pid_t helper)
{
    int fd = connect_to(service);

    if (fd == -1)
        (void)wait_for_exit(helper); /* listeners that it holds are closed then, not before */
    else
        pause_for_a_moment();
    return fd;
}

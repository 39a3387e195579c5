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
#include <time.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/base/plain.h"
#include "helper/base/usage.h"
#include "helper/kernel/procfile.h"
#include "preload/wire/messages.h"
#include "unpacking.h"

/* A helper answers at once; one that is stopped never. */
static const int64_t patience = 10 * SECOND;

static bool send_to_helper(int fd, const struct message *message)
{
    const struct outgoing packet = {.data = message, .size = sizeof *message};

    return send_packet(fd, &packet, 0) == 0;
}

bool send_demand(int fd, enum demand demand)
{
    const struct message message = message_of_kind(demand, 0);

    return send_to_helper(fd, &message);
}

bool send_number(int fd, enum demand demand, uint32_t number)
{
    struct message message = message_of_kind(demand, 0);

    message.count = number;
    return send_to_helper(fd, &message);
}

bool demand_upgrade(int fd, int64_t hold)
{
    int64_t time = hold / MILLISECOND;

    return send_number(fd, DEMAND_UPGRADE, (uint32_t)(time < UINT32_MAX ? time : UINT32_MAX));
}

bool demand_signal(int fd, int number)
{
    struct message message = message_of_kind(DEMAND_SIGNAL, 0);

    message.signal_number = number;
    return send_to_helper(fd, &message);
}

static int wait_until_readable(int fd, int64_t end)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    int64_t left = end == 0 ? -1 : (end - now() + MILLISECOND - 1) / MILLISECOND;

    if (end != 0 && left < 0)
        left = 0;
    return poll(&in, 1, left > INT32_MAX ? INT32_MAX : (int)left);
}

void make_report_plain(struct report *report)
{
    make_plain(report->name);
    make_plain(report->text);
}

enum heard hear(int fd, struct report *report, int64_t end, int *descriptor)
{
    struct incoming packet = {.data = report,
                              .room = sizeof *report,
                              .descriptors = descriptor,
                              .most = descriptor ? 1 : 0};
    ssize_t size;
    int ready;

    while ((ready = wait_until_readable(fd, end)) == -1 && errno == EINTR)
        ;
    if (ready == 0)
        return SILENCE;
    if (descriptor)
        *descriptor = -1;
    begin_unpacking();
    size = receive_packet(fd, &packet, 0);
    end_unpacking();
    if (size <= 0)
        return ENDED;
    if (!is_report(report, (size_t)size, packet.count)) {
        begin_unpacking();
        close_received(&packet);
        end_unpacking();
        return ENDED;
    }
    make_report_plain(report);
    return HEARD;
}

static bool are_reports(const struct report *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_report(&records[i], sizeof records[i], 0))
            return false;
    return true;
}

/* Of one service: a pool of ten thousand workers and as many listeners is none. */
enum { MOST_RECORDS = 100000 };

static struct report *read_records(int file, size_t *count)
{
    struct stat status;
    struct report *records;
    size_t size;

    /* nothing else can be read without waiting */
    if (fstat(file, &status) == -1 || !S_ISREG(status.st_mode))
        return NULL;
    *count = (size_t)status.st_size / sizeof *records;
    if (*count == 0 || *count > MOST_RECORDS)
        return NULL;
    size = *count * sizeof *records;
    records = allocate(*count, sizeof *records);
    if (pread(file, records, size, 0) == (ssize_t)size && are_reports(records, *count))
        return records;
    free(records);
    return NULL;
}

struct report *ask_status(int fd, enum demand demand, int64_t end, size_t *count)
{
    struct report *records;
    enum heard heard;
    struct report report = {0};
    int file = -1;

    if (end == 0)
        end = now() + patience;
    if (!send_demand(fd, demand))
        return NULL;
    do
        heard = hear(fd, &report, end, &file);
    while (heard == HEARD && report.kind != REPORT_STATUS);
    if (heard != HEARD || file == -1) {
        errno = heard == SILENCE ? ETIMEDOUT : EPROTO;
        return NULL;
    }
    records = read_records(file, count);
    close_connection(file);
    return records;
}

/* user_namespaces(7): whom that of the helper has no number for is nobody there, root or not. */
static bool is_in_other_user_namespace(pid_t pid)
{
    char path[32];
    struct stat theirs;
    struct stat ours;

    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    return stat(path, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
           theirs.st_ino != ours.st_ino;
}

static _Noreturn void end_refused(const struct service *service)
{
    if (is_in_other_user_namespace(service->opener))
        end_with_error(
            EXIT_NO_SERVICE,
            "the helper of process %d is in another user namespace, where you are "
            "nobody: ask by nsenter --user --target %d, or send it SIGHUP for an upgrade",
            service->pid, service->opener);
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

void end_at_timeout(pid_t helper, const char *line)
{
    struct proc_stat stat;

    if (read_stat(helper, &stat) == IS_THERE && (stat.state == 'T' || stat.state == 't'))
        end_with_error(EXIT_TIMEOUT,
                       "the helper, process %d, is stopped: it answers once it gets SIGCONT",
                       helper);
    end_with_error(EXIT_TIMEOUT, "%s", line);
}

/* Nobody has answered: who is stopped would, and who does not like us never does. */
static _Noreturn void end_unanswered(const struct service *service, int64_t end)
{
    struct proc_stat stat;

    if ((end != 0 && now() >= end) ||
        (read_stat(service->opener, &stat) == IS_THERE && stat.state == 'T'))
        end_at_timeout(service->opener, "the helper has not answered yet");
    end_refused(service);
}

int open_connection(const struct service *service, int64_t end, pid_t *helper)
{
    int64_t second = now() + SECOND;

    /* where too many others ask at once, a helper drops us as if it refused us */
    do {
        int fd = connect_to_service(service);
        size_t count;
        struct report *records;

        if (fd == -1 && errno == ECONNREFUSED)
            return -1;
        records = fd == -1 ? NULL : ask_status(fd, DEMAND_SUMMARY, end, &count);
        if (records) {
            *helper = records[0].pid;
            free(records);
            return fd;
        }
        if (fd != -1 && errno == ETIMEDOUT)
            end_unanswered(service, end);
        if (fd != -1)
            close_connection(fd);
        pause_for_a_moment();
    } while (now() < second);
    end_refused(service);
}

int require_connection(const struct service *service, int64_t end, pid_t *helper)
{
    int fd = open_connection(service, end, helper);

    if (fd == -1)
        end_unreachable(service);
    return fd;
}

/* Before Linux 5.3, or without a descriptor left: as long as poll() is waited for below. */
static bool look_for_exit(pid_t pid)
{
    uint64_t started = start_of(pid);
    int64_t end = now() + patience;
    struct proc_stat stat;

    while (read_stat(pid, &stat) == IS_THERE && stat.started == started && stat.state != 'Z') {
        if (now() > end)
            return false;
        pause_for_a_moment();
    }
    return true;
}

bool wait_for_exit(pid_t pid)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd exit = {.fd = process, .events = POLLIN};
    int ready;

    if (process == -1)
        return errno == ESRCH || look_for_exit(pid);
    while ((ready = poll(&exit, 1, (int)(patience / MILLISECOND))) == -1 && errno == EINTR)
        ;
    close(process);
    return ready == 1;
}

int connect_again(const struct service *service, pid_t helper)
{
    int fd = connect_to_service(service);

    if (fd == -1)
        (void)wait_for_exit(helper); /* listeners that it holds are closed then, not before */
    else
        pause_for_a_moment();
    return fd;
}

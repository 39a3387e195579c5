/*
 * Each generation has a socket of its own, so that nobody has to find out who
 * the sender was: systemd-notify(1) may be gone before its message is read.
 * Only the current generation speaks for the service; before the first is
 * ready, the first does.
 */
#include "notices.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "environment.h"
#include "family.h"
#include "generation.h"
#include "log.h"
#include "loop.h"
#include "manager.h"
#include "packet.h"
#include "settings.h"

enum { MOST_TEXT = 4096, NAME_SIZE = 108 };

/* Anybody may send as many as they like: everything else has its turn as well. */
enum { NOTICES_PER_TURN = 64 };

/* One datagram: lines of NAME=VALUE, and descriptors for the manager to keep. */
struct notice {
    char text[MOST_TEXT];
    int descriptors[MOST_RIGHTS];
    size_t descriptor_count;
    struct ucred sender;
};

static void close_descriptors(const struct notice *notice)
{
    for (size_t i = 0; i < notice->descriptor_count; i++)
        close(notice->descriptors[i]);
}

static void take_ancillary_data(struct msghdr *packet, struct notice *notice)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(packet); header;
         header = CMSG_NXTHDR(packet, header)) {
        size_t size = header->cmsg_len - CMSG_LEN(0);

        if (header->cmsg_level != SOL_SOCKET)
            continue;
        if (header->cmsg_type == SCM_CREDENTIALS)
            memcpy(&notice->sender, CMSG_DATA(header), sizeof notice->sender);
        if (header->cmsg_type == SCM_RIGHTS) {
            notice->descriptor_count = size / sizeof(int);
            memcpy(notice->descriptors, CMSG_DATA(header), size);
        }
    }
}

/* The next datagram; false when there is none, or none that can be read. */
static bool receive(int fd, struct notice *notice)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(MOST_RIGHTS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } ancillary;
    struct iovec part = {notice->text, sizeof notice->text - 1};
    struct msghdr packet = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &ancillary,
                            .msg_controllen = sizeof ancillary};
    ssize_t size = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (size == -1)
        return false;
    notice->descriptor_count = 0;
    notice->sender.pid = 0;
    take_ancillary_data(&packet, notice);
    notice->text[size] = '\0';
    if (!(packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && strlen(notice->text) == (size_t)size)
        return true;
    log_line(LEVEL_DEBUG, "notices: what process %d sent is too long, or no text",
             notice->sender.pid);
    close_descriptors(notice);
    return false;
}

/* The same rule as that of the control socket. */
static bool is_welcome(const struct ucred *sender)
{
    return sender->pid > 0 &&
           (sender->uid == geteuid() || sender->uid == 0 || is_member(sender->pid));
}

static bool speaks_for_the_service(const struct generation *generation)
{
    return generation == current || (!current && generation == generations);
}

/* Microseconds: a hundred years, which are no overflow as nanoseconds from now. */
static const unsigned long long longest = INT64_MAX / 1000 / 2;

/* A server that needs longer to start says so: the ready timeout moves. */
static void extend_timeout(struct generation *generation, const char *microseconds)
{
    unsigned long long extension = strtoull(microseconds, NULL, 10);
    int64_t until = now() + (int64_t)(extension < longest ? extension : longest) * 1000;

    if ((generation->state != STARTING && generation->state != SETTLING) ||
        until <= generation->deadline)
        return;
    if (generation->next_timer == generation->deadline)
        generation->next_timer = until;
    generation->deadline = until;
}

/* Returns whether the line is for the manager, too. */
static bool take_line(struct generation *generation, const char *line)
{
    if (strcmp(line, "READY=1") == 0) {
        bool was_ready = generation->state == READY;

        generation->speaks = true;
        happen(generation, TOLD);
        return was_ready; /* else the helper has said it */
    }
    if (strncmp(line, "EXTEND_TIMEOUT_USEC=", 20) == 0)
        extend_timeout(generation, line + 20);
    return strncmp(line, "MAINPID=", 8) != 0; /* that is the helper, and stays so */
}

static void take_notice(struct generation *generation, struct notice *notice)
{
    bool passes_on = speaks_for_the_service(generation);
    char out[MOST_TEXT];
    size_t used = 0;
    char *rest = notice->text;
    const char *line;

    log_line(LEVEL_DEBUG, "generation %u: process %d notifies: %s", generation->number,
             notice->sender.pid, notice->text);
    while ((line = strsep(&rest, "\n"))) {
        /* lines only become fewer: there is room */
        if (*line && take_line(generation, line))
            used += (size_t)snprintf(out + used, sizeof out - used, "%s\n", line);
    }
    if (passes_on && used > 0)
        send_to_manager(out, used - 1, notice->descriptors, notice->descriptor_count);
}

static struct generation *generation_of_watch(struct watch *watch)
{
    return (struct generation *)((char *)watch - offsetof(struct generation, notices));
}

static void serve_notices(struct watch *watch)
{
    struct generation *generation = generation_of_watch(watch);
    static struct notice notice;

    for (int i = 0; i < NOTICES_PER_TURN && receive(watch->fd, &notice); i++) {
        if (is_welcome(&notice.sender))
            take_notice(generation, &notice);
        else
            log_line(LEVEL_DEBUG, "notices: process %d of uid %u is refused", notice.sender.pid,
                     notice.sender.uid);
        close_descriptors(&notice);
    }
}

/* An abstract name like that of the control socket, so that a chroot does not matter. */
static int open_socket(const struct generation *generation, char name[NAME_SIZE])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s-%u",
                          control_name(), generation->number);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;

    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == -1 ||
        bind(fd, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == -1) {
        log_line(LEVEL_ERROR, "generation %u: cannot open a socket for its notices: %s",
                 generation->number, strerror(errno));
        if (fd != -1)
            close(fd);
        return -1;
    }
    snprintf(name, NAME_SIZE, "@%s", address.sun_path + 1);
    return fd;
}

void open_notices(struct generation *generation, struct environment *environment)
{
    char name[NAME_SIZE];
    int fd;

    if (!has_manager() && settings.ready.by != READY_NOTIFY)
        return;
    fd = open_socket(generation, name);
    if (fd == -1)
        return;
    set_variable(environment, "NOTIFY_SOCKET", name);
    watch_descriptor(&generation->notices, fd, serve_notices);
}

void close_notices(struct generation *generation)
{
    if (!generation->notices.serve)
        return;
    unwatch_descriptor(&generation->notices);
    close(generation->notices.fd);
    generation->notices.serve = NULL;
}

bool has_to_say_ready(const struct generation *generation)
{
    return settings.ready.by == READY_NOTIFY || (settings.ready.by == READY_AUTO && current &&
                                                 current->speaks && generation->notices.serve);
}

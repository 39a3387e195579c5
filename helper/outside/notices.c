/*
 * Each generation has a socket of its own: systemd-notify(1) may be gone before
 * its message is read, and nobody could say to which one it belonged. Only the
 * current generation speaks for the service; before the first is ready, the
 * first does.
 */
#include "notices.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/processes/belonging.h"
#include "helper/processes/family.h"
#include "helper/processes/read_member.h"
#include "helper/processes/refusals.h"
#include "helper/processes/session.h"
#include "helper/settings/environment.h"
#include "helper/settings/settings.h"
#include "manager.h"
#include "notice_text.h"
#include "preload/wire/packet.h"
#include "preload/wire/protocol.h"

enum { NAME_SIZE = 108 };

/* Anybody may send as many as they like: everything else has its turn as well. */
enum { NOTICES_PER_TURN = 64 };

/* One datagram: lines of NAME=VALUE, and descriptors for the manager to keep. */
struct notice {
    char text[NOTICE_SIZE];
    int descriptors[MOST_RIGHTS];
    size_t descriptor_count;
    struct ucred sender;
};

static void close_descriptors(const struct notice *notice)
{
    for (size_t i = 0; i < notice->descriptor_count; i++)
        close(notice->descriptors[i]);
}

/* The next datagram; false when there is none, or none that can be read. */
static bool receive(int fd, struct notice *notice)
{
    struct incoming packet = {.data = notice->text,
                              .room = sizeof notice->text - 1,
                              .descriptors = notice->descriptors,
                              .most = MOST_RIGHTS,
                              .sender = &notice->sender};
    ssize_t size = receive_packet(fd, &packet, MSG_DONTWAIT);

    if (size >= 0) {
        notice->text[size] = '\0';
        notice->descriptor_count = packet.count;
        if (strlen(notice->text) == (size_t)size)
            return true;
        close_received(&packet);
    } else if (errno == EAGAIN) {
        return false;
    }
    log_line(LEVEL_DEBUG, "notices: what process %d sent is too long, or no text",
             notice->sender.pid);
    note_refusal();
    return false;
}

/* The process that the manager would have started without us. */
static bool is_main(const struct generation *generation, pid_t pid)
{
    return pid == generation->first && !generation->exited;
}

static bool is_known_member(const struct generation *generation, pid_t pid)
{
    const struct member *member = find_member(pid);

    if (!member) {
        look_at_family();
        member = find_member(pid);
    }
    return member && member->generation == generation->number && !member->guessed;
}

/*
 * Each generation has the word about itself alone: a process of the old one that
 * called the next one ready would have it serve before it can. One of our user's
 * that has ended already cannot be looked at any more, as systemd-notify(1).
 */
static bool is_believed(const struct generation *generation, const struct ucred *sender)
{
    if (sender->pid <= 0)
        return false;
    if (is_main(generation, sender->pid))
        return true;
    return could_be_us(sender->uid)
               ? !is_of_another(sender->pid, generation->number)
               : is_member(sender->pid) && is_known_member(generation, sender->pid);
}

static bool speaks_for_the_service(const struct generation *generation)
{
    return generation == current || (!current && generation == generations);
}

/* The main process, and who might as well be it: not a worker without privileges. */
static bool might_be_main(const struct generation *generation, const struct ucred *sender)
{
    return could_be_us(sender->uid) || is_main(generation, sender->pid);
}

/*
 * Without us NotifyAccess= decides who is heard, which we cannot know: of its `all` a worker
 * without privileges is left out.
 */
static bool speaks_to_manager(const struct generation *generation, const struct ucred *sender)
{
    return speaks_for_the_service(generation) && might_be_main(generation, sender);
}

/* A server that needs longer to start says so: the ready timeout moves. */
static void extend_timeout(struct generation *generation, int64_t extension)
{
    int64_t until = now() + extension;

    if (!may_adopt(generation->state) || until <= generation->deadline)
        return;
    if (generation->next_timer == generation->deadline)
        generation->next_timer = until;
    generation->deadline = until;
}

static void take_notice(struct generation *generation, struct notice *notice)
{
    bool passes_on = speaks_to_manager(generation, &notice->sender);
    char out[NOTICE_SIZE];
    struct notice_told told;

    log_line(LEVEL_DEBUG, "generation %u: process %d notifies: %s", generation->number,
             notice->sender.pid, notice->text);
    told = read_notice(notice->text, is_serving(generation->state), out);
    if (told.extends && might_be_main(generation, &notice->sender))
        extend_timeout(generation, told.extension);
    if (told.ready) {
        generation->signs.speaks = true;
        happen(generation, TOLD);
    }
    if (passes_on && told.size > 0)
        send_to_manager(out, told.size, notice->descriptors,
                        told.stores ? notice->descriptor_count : 0);
}

static struct generation *generation_of_watch(struct watch *watch)
{
    return (struct generation *)((char *)watch - offsetof(struct generation, signs.notices));
}

static void refuse(const struct ucred *sender)
{
    log_line(LEVEL_DEBUG, "notices: process %d of uid %u is refused", sender->pid, sender->uid);
    note_refusal();
}

static void serve_notices(struct watch *watch)
{
    struct generation *generation = generation_of_watch(watch);
    static struct notice notice;

    for (int i = 0; i < NOTICES_PER_TURN && receive(watch->fd, &notice); i++) {
        if (is_believed(generation, &notice.sender))
            take_notice(generation, &notice);
        else
            refuse(&notice.sender);
        close_descriptors(&notice);
    }
}

/*
 * An abstract name like that of the control socket, so that a chroot does not matter. Nobody can
 * guess it, and take it before us: without the socket, the generation could not say that it is
 * ready.
 */
static int open_socket(const struct generation *generation, char name[NAME_SIZE])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char random[SESSION_NAME_LENGTH + 1] = "";
    int named = make_name(random);
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                          SOCKET_PREFIX "notices-%s", random);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;

    if (named == -1 || fd == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == -1 ||
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
    watch_descriptor(&generation->signs.notices, fd, serve_notices);
}

void close_notices(struct generation *generation)
{
    if (!generation->signs.notices.serve)
        return;
    unwatch_descriptor(&generation->signs.notices);
    close(generation->signs.notices.fd);
    generation->signs.notices.serve = NULL;
}

bool has_to_say_ready(const struct generation *generation)
{
    return settings.ready.by == READY_NOTIFY ||
           (settings.ready.by == READY_AUTO && current && current->signs.speaks &&
            generation->signs.notices.serve);
}

void resume_notices(struct generation *generation)
{
    if (generation->signs.notices.fd != -1)
        watch_descriptor(&generation->signs.notices, generation->signs.notices.fd, serve_notices);
}

/*
 * An inherited socket is in the hands of two generations, so three kinds of options
 * do not mean what they mean on a socket of one's own:
 *
 * - A device that is set after bind() is not what a successor asks for when it
 *   binds. So the address that was bound is noted before.
 * - A SO_REUSEPORT set has one BPF program. While a generation starts, that may be
 *   the helper's (helper/listeners/growing_set.c), which must neither stay in the way
 *   of the program's own nor take that off.
 * - A multicast group is joined after bind() as often as before it. An inherited
 *   socket is a member already, since its predecessor has joined: then the kernel
 *   says so, and the program has what it wants.
 */
#include "options.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/process/notes.h"
#include "preload/process/process.h"

static void note_before_device(int fd, int level, int name)
{
    int saved = errno;

    if (level == SOL_SOCKET && (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX) &&
        own_state() && is_bound(fd))
        note_socket(fd);
    errno = saved;
}

static bool is_steering(int level, int name)
{
    return level == SOL_SOCKET &&
           (name == SO_ATTACH_REUSEPORT_CBPF || name == SO_ATTACH_REUSEPORT_EBPF);
}

static void announce_steering(int level, int name)
{
    struct message message;
    int saved = errno;
    int control;

    if (!is_steering(level, name) || !session.active || !own_state())
        return;
    message = new_message(MESSAGE_STEER);
    control = open_control_patiently();
    /* not before the answer: the helper's program is off by then */
    if (control != -1 && send_message(control, &message, -1) == 0)
        receive_answer(control, &message, NULL, 0);
    kernel_close(control);
    errno = saved;
}

/* With a source the error is EADDRNOTAVAIL: ip_mc_source() and ip6_mc_source() in the kernel. */
static bool says_joined_already(int level, int name, int error)
{
    bool v6 = level == IPPROTO_IPV6;

    if (!v6 && level != IPPROTO_IP)
        return false;
    if (error == EADDRINUSE)
        return name == (v6 ? IPV6_JOIN_GROUP : IP_ADD_MEMBERSHIP) || name == MCAST_JOIN_GROUP;
    return error == EADDRNOTAVAIL &&
           (name == MCAST_JOIN_SOURCE_GROUP || (!v6 && name == IP_ADD_SOURCE_MEMBERSHIP));
}

static bool has_inherited_membership(int fd, int level, int name)
{
    int error = errno;
    const struct note *note =
        says_joined_already(level, name, error) ? find_note(socket_inode(fd)) : NULL;

    errno = error;
    return note && note->adopted;
}

int set_program_option(int fd, int level, int name, const void *value, socklen_t length)
{
    int saved = errno;
    int result;

    if (session.active)
        note_before_device(fd, level, name);
    announce_steering(level, name);
    result = real()->setsockopt(fd, level, name, value, length);
    if (result == -1 && has_inherited_membership(fd, level, name)) {
        errno = saved;
        return 0;
    }
    return result;
}

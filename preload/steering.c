/*
 * A set has one BPF program: while a generation starts, it may be the helper's
 * (see helper/growing_set.c), which must neither stay in the way of that of the
 * program nor take it off.
 */
#include "steering.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "control.h"
#include "kernel.h"
#include "process.h"

static bool is_steering(int level, int name)
{
    return level == SOL_SOCKET &&
           (name == SO_ATTACH_REUSEPORT_CBPF || name == SO_ATTACH_REUSEPORT_EBPF);
}

void announce_steering(int level, int name)
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
        receive_message(control, &message, NULL, 0);
    kernel_close(control);
    errno = saved;
}

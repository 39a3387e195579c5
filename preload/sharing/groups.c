/*
 * A server that forks often ends by signalling its process group: kill(0, …).
 * Alone, that is itself and its children. In a session it is the helper and the
 * next generation, too, since all of them are in the group that the shell made.
 */
#include "groups.h"

#include <errno.h>
#include <stdbool.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/real.h"
#include "preload/process/control.h"
#include "preload/process/process.h"
#include "processes.h"

static bool is_shared_group(pid_t target)
{
    pid_t shared = getpgid(session.helper);

    return target == 0 ? getpgrp() == shared : target < -1 && target == -shared;
}

/* Has the helper signalled our generation's part of the group? */
static bool helper_signals_group(int signal_number)
{
    struct message message = new_message(MESSAGE_SIGNAL_GROUP);

    message.signal_number = signal_number;
    /* it has much to do while several generations end, and without its answer all of them would */
    return ask_helper(open_control_patiently(), &message, NULL) == ANSWER_SIGNALLED;
}

int kill_own_generation(pid_t target, int signal_number)
{
    int saved = errno;
    bool shared = session.active && signal_number != 0 && is_shared_group(target);

    errno = saved;
    if (shared && helper_signals_group(signal_number)) {
        errno = saved;
        return 0;
    }
    errno = saved;
    if (is_hidden_process(target < -1 ? -target : target))
        return no_such_process();
    return real()->kill(target, signal_number);
}

/*
 * poll() tells both generations of the same datagram, and one of them gets it:
 * the other would hang in a receive that blocks. With O_NONBLOCK it would see
 * EAGAIN, which such a program does not expect, and no receive is wrapped that
 * could hide it. So nobody polls beside the old generation while it retires.
 */
#include "predecessor.h"

#include "clock.h"
#include "control.h"
#include "kernel.h"

/* A predecessor that is stopped does not retire; the loop may have others to serve. */
static const int64_t patience = 1000000000;
enum { PACE_MS = 1 };

static int ask_about_predecessor(void)
{
    struct message message = new_message(MESSAGE_SHARED);

    return ask_helper(open_control(), &message, NULL);
}

bool outlast_predecessor(void)
{
    int64_t end = nanoseconds_now() + patience;
    int answer;

    while ((answer = ask_about_predecessor()) == MESSAGE_KEEP && nanoseconds_now() < end)
        kernel_poll(NULL, 0, PACE_MS);
    return answer != MESSAGE_UPGRADING;
}

/*
 * Only the helper knows what the other generations do. Three questions to it:
 *
 * - Does a successor serve here? Old code may begin to accept when its generation
 *   has long retired: a worker that its master starts anew and that binds with
 *   SO_REUSEPORT, or a program that was given the listener and has not looked at
 *   it until now. Nobody orders these to retire, so they ask.
 * - Does my own generation serve here? So asks who was given a datagram socket.
 * - Does my predecessor still accept or receive here? poll() tells both generations of the
 *   same datagram, and one of them gets it: the other would hang in a receive that
 *   blocks. With O_NONBLOCK it would see EAGAIN, which such a program does not
 *   expect, and no receive is wrapped that could hide it. So nobody polls beside
 *   the old generation while that retires.
 */
#include "generations.h"

#include "preload/kernel/clock.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/sockets.h"
#include "preload/process/control.h"
#include "preload/wire/keys.h"

/* The kind of the answer, or 0, with its descriptor if there is one, which the caller owns. */
static int ask_about(int fd, int *deaf)
{
    struct message message = new_message(MESSAGE_LISTEN);

    *deaf = -1;
    message.inode = socket_inode(fd);
    if (listener_key_of(fd, NULL, 0, &message.key) == -1)
        return 0;
    return ask_helper(open_control(), &message, deaf);
}

int ask_for_deaf_socket(int fd)
{
    int deaf;

    ask_about(fd, &deaf);
    kernel_fcntl(deaf, F_SETFL, kernel_fcntl(fd, F_GETFL, 0));
    return deaf;
}

bool is_known_to_serve(int fd)
{
    int deaf;
    int answer = ask_about(fd, &deaf);

    kernel_close(deaf);
    return answer == ANSWER_SERVED || answer == ANSWER_DEAF_SOCKET;
}

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

    while ((answer = ask_about_predecessor()) == ANSWER_PREDECESSOR_RETIRES &&
           nanoseconds_now() < end)
        kernel_poll(NULL, 0, PACE_MS);
    return answer != ANSWER_PREDECESSOR_SERVES;
}

bool serves_alone(void)
{
    return ask_about_predecessor() == ANSWER_NO_PREDECESSOR;
}

/*
 * Old code may begin to accept when its generation has long retired: a worker
 * that its master starts anew and that binds with SO_REUSEPORT, or a program
 * that was given the listener and has not looked at it until now. Nobody orders
 * these to retire, so they ask.
 */
#include "latecomers.h"

#include "control.h"
#include "descriptors.h"
#include "kernel.h"
#include "keys.h"

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
    return answer != 0 && answer != MESSAGE_NONE;
}

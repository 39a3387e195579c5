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

/* The kind of the answer, with its descriptor if there is one, which the caller owns. */
static enum message_kind ask_about(int fd, int *deaf)
{
    struct message message = new_message(MESSAGE_LISTEN);
    int control;

    *deaf = -1;
    message.inode = socket_inode(fd);
    if (listener_key_of(fd, NULL, 0, &message.key) == -1)
        return MESSAGE_NONE;
    control = open_control();
    if (control == -1)
        return MESSAGE_NONE;
    if (send_message(control, &message, -1) == -1 ||
        receive_message(control, &message, deaf, 1) == -1)
        message.kind = MESSAGE_NONE;
    kernel_close(control);
    return message.kind;
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
    enum message_kind answer = ask_about(fd, &deaf);

    kernel_close(deaf);
    return answer != MESSAGE_NONE;
}

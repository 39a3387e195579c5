/*
 * Old code may begin to accept when its generation has long retired: a worker
 * that its master starts anew and that binds with SO_REUSEPORT, or a program
 * that was given the listener and has not looked at it until now. Nobody orders
 * these to retire, so they ask.
 */
#include "latecomers.h"

#include "control.h"
#include "kernel.h"
#include "keys.h"

int ask_for_deaf_listener(int fd)
{
    struct message message = new_message(MESSAGE_LISTEN);
    int deaf = -1;
    int control;

    if (listener_key_of(fd, NULL, 0, &message.key) == -1)
        return -1;
    control = open_control();
    if (control == -1)
        return -1;
    if (send_message(control, &message, -1) == -1 ||
        receive_message(control, &message, &deaf, 1) < 1)
        deaf = -1;
    kernel_close(control);
    kernel_fcntl(deaf, F_SETFL, kernel_fcntl(fd, F_GETFL, 0));
    return deaf;
}

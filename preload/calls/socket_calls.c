/* The calls on sockets and descriptors that the library exports: see export.h. */
#include <stdarg.h>
#include <sys/socket.h>

#include "export.h"
#include "preload/kernel/real.h"
#include "preload/process/addresses.h"
#include "preload/process/process.h"
#include "preload/sharing/options.h"
#include "preload/sharing/probes.h"
#include "preload/sharing/shut_listener.h"
#include "preload/sharing/status_flags.h"
#include "preload/upgrade/adopt.h"
#include "preload/upgrade/give_back.h"
#include "preload/upgrade/serve.h"
#include "waits.h"

EXPORT(int, bind, (int fd, const struct sockaddr *address, socklen_t length))
{
    return session.active ? bind_or_adopt(fd, address, length) : real()->bind(fd, address, length);
}

EXPORT(int, listen, (int fd, int backlog))
{
    return session.active ? listen_and_tell(fd, backlog) : real()->listen(fd, backlog);
}

EXPORT(int, connect, (int fd, const struct sockaddr *address, socklen_t length))
{
    if (is_refused(fd, address, length))
        return refuse_connection();
    return attends(ATTENTION_UNLISTENED) ? connect_client(fd, address, length)
                                         : real()->connect(fd, address, length);
}

EXPORT(int, accept, (int fd, struct sockaddr *address, socklen_t *length))
{
    return wait_accept(fd, address, length, 0);
}

EXPORT(int, accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags))
{
    return wait_accept(fd, address, length, flags);
}

EXPORT(int, getsockname, (int fd, struct sockaddr *address, socklen_t *length))
{
    return address_of_socket(fd, address, length);
}

EXPORT(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length))
{
    return set_program_option(fd, level, name, value, length);
}

EXPORT(int, shutdown, (int fd, int how))
{
    return session.inherits || attends(ATTENTION_UPGRADE) ? shut_own_listener(fd, how)
                                                          : real()->shutdown(fd, how);
}

EXPORT(int, fcntl, (int fd, int command, ...))
{
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    return program_fcntl(real()->fcntl, fd, command, argument);
}

EXPORT(int, fcntl64, (int fd, int command, ...))
{
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    return program_fcntl(real()->fcntl64, fd, command, argument);
}

EXPORT(int, ioctl, (int fd, unsigned long request, ...))
{
    va_list arguments;
    void *argument;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return program_ioctl(fd, request, argument);
}

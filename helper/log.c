/* One write(2) a line, so that lines of several processes do not mix. */
#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level most = LOG_INFO;

void set_log_level(enum log_level level)
{
    most = level;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char prefix[] = "tfpreload: ";
    char line[1024];
    size_t used = sizeof prefix - 1;
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    va_list arguments;
    int length;

    if (level > most)
        return;
    __builtin_memcpy(line, prefix, used);
    va_start(arguments, format);
    length = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    used += (size_t)length < sizeof line - used - 1 ? (size_t)length : sizeof line - used - 2;
    line[used++] = '\n';
    if (poll(&out, 1, 0) == 1 && write(STDERR_FILENO, line, used) == -1)
        return; /* nowhere to say so */
}

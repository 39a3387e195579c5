/* One write(2) a line, so that lines of several processes do not mix. */
#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static const char prefix[] = "tfpreload: ";
static enum log_level most = LEVEL_INFO;
static bool to_syslog;

void set_log_level(enum log_level level)
{
    most = level;
}

void log_to_syslog(void)
{
    openlog("tfpreload", LOG_PID, LOG_DAEMON);
    to_syslog = true;
}

static void write_line(char *line, size_t length)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    line[length++] = '\n';
    if (poll(&out, 1, 0) == 1 && write(STDERR_FILENO, line, length) == -1)
        return; /* nowhere to say so */
}

void log_line(enum log_level level, const char *format, ...)
{
    static const int priorities[] = {LOG_ERR, LOG_INFO, LOG_DEBUG};
    char line[1024];
    char *text = line + sizeof prefix - 1;
    va_list arguments;

    if (level > most)
        return;
    memcpy(line, prefix, sizeof prefix - 1);
    va_start(arguments, format);
    vsnprintf(text, sizeof line - sizeof prefix - 1, format, arguments);
    va_end(arguments);
    if (to_syslog)
        syslog(priorities[level], "%s", text);
    else
        write_line(line, strlen(line));
}
